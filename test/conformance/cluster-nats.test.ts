import { type App, Cluster, definePlugin, type Scope } from 'rookery'
import { nats } from 'rookery/nats'
import { clusterConformance } from 'rookery/testing/conformance'
import { afterAll, beforeAll } from 'vitest'
import { type NatsServer, startNats } from '../support/nats.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

/** More nodes than any case starts. */
const MAX_NODES = 8

let server: NatsServer
let environments = 0

beforeAll(async () => {
  server = await startNats()
})
afterAll(() => server.stop())

interface Node {
  readonly proxy: TcpProxy
  readonly scope: Scope
}

clusterConformance({
  name: 'NATS',
  start: async () => {
    const nodes: Node[] = []
    const proxies = await Promise.all(Array.from({ length: MAX_NODES }, () => TcpProxy.before(server.port)))
    const proxyOf = (app: App) =>
      nodes.find(({ scope }) => scope.get(Cluster).node === app.cluster.node)?.proxy as TcpProxy
    const prefix = `conformance${++environments}`
    return {
      plugin: () => {
        const proxy = proxies[nodes.length] as TcpProxy
        const plugin = nats({ servers: `127.0.0.1:${proxy.port}`, prefix })
        return definePlugin({
          ...plugin,
          setup(scope) {
            nodes.push({ proxy, scope })
            plugin.setup?.(scope)
          },
        })
      },
      cut: (app) => proxyOf(app).block(),
      heal: (app) => proxyOf(app).unblock(),
      stop: async () => {
        for (const proxy of proxies) await proxy.close()
      },
    }
  },
})
