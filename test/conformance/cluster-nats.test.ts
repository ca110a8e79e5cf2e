import { type App, Cluster, definePlugin, type Scope } from 'rookery'
import { nats } from 'rookery/nats'
import { clusterConformance } from 'rookery/testing'
import { afterAll, beforeAll } from 'vitest'
import { type NatsServer, startNats } from '../support/nats.ts'
import { TcpGate } from '../support/tcp-proxy.ts'

/** More nodes than any case starts. */
const MAX_NODES = 8

let server: NatsServer
let environments = 0

beforeAll(async () => {
  server = await startNats()
})
afterAll(() => server.stop())

interface Node {
  readonly gate: TcpGate
  readonly scope: Scope
}

clusterConformance({
  name: 'NATS',
  start: async () => {
    const nodes: Node[] = []
    const gates = await Promise.all(Array.from({ length: MAX_NODES }, () => TcpGate.before(server.port)))
    const gateOf = (app: App) =>
      nodes.find(({ scope }) => scope.get(Cluster).node === app.cluster.node)?.gate as TcpGate
    const prefix = `conformance${++environments}`
    return {
      plugin: () => {
        const gate = gates[nodes.length] as TcpGate
        const plugin = nats({ servers: `127.0.0.1:${gate.port}`, prefix })
        return definePlugin({
          ...plugin,
          setup(scope) {
            nodes.push({ gate, scope })
            plugin.setup?.(scope)
          },
        })
      },
      cut: (app) => gateOf(app).shut(),
      heal: (app) => gateOf(app).open(),
      stop: async () => {
        for (const gate of gates) await gate.close()
      },
    }
  },
})
