import type { ClusterBackend } from './cluster.ts'

/** The backend of an app with one node. */
export const createInProcessCluster = (node = randomNode()): ClusterBackend => ({
  node,
  isAlone: true,
  connected: true,
  nodes: [],
  start: async () => {},
  drain: async () => {},
  stop: async () => {},
  publish: () => {},
  emit: () => false,
  ask: async () => ({ items: [], missing: [] }),
  interest: () => {},
  settled: () => undefined,
  listen: () => {},
})

/** Returns a node id of 48 random bits. */
export const randomNode = (): string => crypto.randomUUID().replaceAll('-', '').slice(-12)
