import { type ClusterBackend, type ClusterHost, definePlugin, type Plugin, type Scope } from 'rookery'
import { type ClusterEnvironment, MemoryCluster } from 'rookery/testing'

/** What a backend does wrong. What it does not mention it does right. */
export interface ClusterFault {
  /** Members of the backend, as the app sees it. */
  readonly backend?: (backend: ClusterBackend, host: () => ClusterHost | undefined) => Partial<ClusterBackend>
  /** Members of the app, as the backend sees it. */
  readonly host?: (host: ClusterHost, backend: ClusterBackend) => Partial<ClusterHost>
}

/** The same object, with some members of another. */
const overlay = <T extends object>(object: T, over: Partial<T> = {}): T =>
  new Proxy(object, {
    get(target, key) {
      if (key in over) return Reflect.get(over, key)
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

/** Breaks a backend in one way. */
const breakIt = (backend: ClusterBackend, fault: ClusterFault): ClusterBackend => {
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

const broken = (plugin: Plugin, fault: ClusterFault): Plugin =>
  definePlugin({
    name: plugin.name,
    setup: (scope) => {
      const provide = ((token, factory) =>
        scope.provide(token, () => breakIt(factory() as ClusterBackend, fault) as never)) as Scope['provide']
      plugin.setup?.(overlay(scope, { provide }))
    },
  })

/** Nodes of one process. @param makeFault what is wrong with each of them */
export const memoryEnvironment = (makeFault: () => ClusterFault = () => ({})): ClusterEnvironment => {
  const cluster = new MemoryCluster()
  return {
    plugin: () => broken(cluster.plugin(), makeFault()),
    cut: (app) => cluster.cut(app.cluster.node),
    heal: (app) => cluster.heal(app.cluster.node),
  }
}
