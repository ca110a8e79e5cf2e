import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { historyConformance } from 'rookery/testing/conformance'
import { afterAll, beforeAll } from 'vitest'
import { NatsHistoryStore } from '../../plugins/nats/history-store.ts'
import { type NatsServer, startNats } from '../support/nats.ts'

let server: NatsServer
let connections: NatsConnection[]
const folder = mkdtempSync(join(tmpdir(), 'rookery-history-'))
let environments = 0

beforeAll(async () => {
  server = await startNats('-js', '-sd', folder)
  connections = await Promise.all(Array.from({ length: 4 }, () => connect({ servers: server.url })))
})
afterAll(async () => {
  for (const connection of connections) await connection.close()
  await server.stop()
  rmSync(folder, { recursive: true })
})

historyConformance({
  name: 'JetStream',
  start: () => {
    const prefix = `history${++environments}`
    let nodes = 0
    const deleteStream = async () => {
      const manager = await jetstreamManager(connections[0] as NatsConnection)
      await manager.streams.delete(`${prefix}_history`)
    }
    return {
      create: () => {
        const connection = connections[nodes++ % connections.length] as NatsConnection
        return new NatsHistoryStore(() => ({ connection, connected: true }), prefix)
      },
      recreate: deleteStream,
      stop: () => deleteStream().catch(() => {}),
    }
  },
})
