import type { RookeryError } from './errors.ts'
import type { Event } from './event.ts'
import { createToken } from './scope.ts'

/** Whom `app.send` and `app.sessions.disconnect` reach. */
export type Target = { readonly user: string } | { readonly session: string } | { readonly room: string }

/** A message to the sessions of a target. */
export interface AddressedMessage {
  readonly target: Target
  readonly topic: string
  readonly payload: unknown
}

/** The app, as its cluster backend sees it. All of it concerns this node's own sessions and listeners. */
export interface ClusterHost {
  /** Delivers an event that another node published. */
  deliver(event: Event): void
  /** Delivers an addressed message that came from another node; returns how many sessions took it. */
  deliverTo(message: AddressedMessage): number
  /** Closes this node's sessions of a target; returns how many. */
  disconnect(target: Target, error: RookeryError): number
}

/**
 * Joins several nodes. The app delivers locally by itself and never waits for the backend to do so: the
 * backend only concerns the other nodes.
 */
export interface ClusterBackend {
  /** This node's id, unique in the cluster, of letters, digits and `_`. Session ids begin with it. */
  readonly node: string
  start(host: ClusterHost): Promise<void>
  stop(): Promise<void>
  /** Passes an event on to the other nodes. MUST keep the order of one topic and MUST NOT throw. */
  publish(event: Event): void
  /** Passes an addressed message on; resolves with how many sessions of other nodes took it. */
  send(message: AddressedMessage): Promise<number>
  /** Closes other nodes' sessions of a target; resolves with how many. */
  disconnect(target: Target, error: RookeryError): Promise<number>
  /**
   * Tells that this node's first session or listener wants a pattern, or its last no longer does. Patterns
   * may be addresses such as `$user/alice`. MUST NOT throw.
   */
  interest(pattern: string, wanted: boolean): void
}

export const Cluster = createToken<ClusterBackend>('Cluster')

/** The backend of an app that is alone: there are no other nodes. */
export const createInProcessCluster = (node = randomNode()): ClusterBackend => ({
  node,
  start: async () => {},
  stop: async () => {},
  publish: () => {},
  send: async () => 0,
  disconnect: async () => 0,
  interest: () => {},
})

/** A node id of 48 random bits. */
export const randomNode = (): string => crypto.randomUUID().replaceAll('-', '').slice(-12)
