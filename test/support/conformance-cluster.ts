import { type ClusterBackend, type ClusterHost, definePlugin, type Plugin, type Scope } from 'rookery'
import { MemoryCluster } from 'rookery/testing'
import type { ClusterEnvironment } from 'rookery/testing/conformance'
import { overlay } from './overlay.ts'

/** One fault of a backend. Everything that the fault does not mention works correctly. */
export interface ClusterFault {
  /** Replaces members of the backend that the app gets. */
  readonly backend?: (backend: ClusterBackend, host: () => ClusterHost | undefined) => Partial<ClusterBackend>
  /** Replaces members of the host that the backend gets. */
  readonly host?: (host: ClusterHost, backend: ClusterBackend) => Partial<ClusterHost>
}

/** Adds a fault to a backend. */
const addFault = (backend: ClusterBackend, fault: ClusterFault): ClusterBackend => {
  let host: ClusterHost | undefined
  const start = (given: ClusterHost) => {
    host = given
    return backend.start(overlay(given, fault.host?.(given, backend)))
  }
  const over = overlay(backend, { start })
  return overlay(
    over,
    fault.backend?.(over, () => host),
  )
}

const withFault = (plugin: Plugin, fault: ClusterFault): Plugin =>
  definePlugin({
    name: plugin.name,
    setup: (scope) => {
      const provide = ((token, factory) =>
        scope.provide(token, () => addFault(factory() as ClusterBackend, fault) as never)) as Scope['provide']
      plugin.setup?.(overlay(scope, { provide }))
    },
  })

/** Creates an environment of a `MemoryCluster`. @param makeFault creates the fault of each node */
export const memoryEnvironment = (makeFault: () => ClusterFault = () => ({})): ClusterEnvironment => {
  const cluster = new MemoryCluster()
  return {
    plugin: () => withFault(cluster.plugin(), makeFault()),
    cut: (app) => cluster.cut(app.cluster.node),
    heal: (app) => cluster.heal(app.cluster.node),
  }
}
