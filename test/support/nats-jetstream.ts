import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { onTestFinished, vi } from 'vitest'
import { freePort, type NatsServer, startNats } from './nats.ts'

/** A folder that is deleted at the end of the test. */
export const useFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-jetstream-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Starts a nats-server with JetStream. Stops it at the end of the test. */
export const useJetStream = async (): Promise<NatsServer> => {
  const folder = useFolder()
  const server = await startNats('-js', '-sd', folder)
  onTestFinished(() => server.stop())
  return server
}

/** Starts nats-servers with JetStream that form one cluster. Stops them at the end of the test. */
export const useJetStreamServers = async (count: number): Promise<readonly NatsServer[]> => {
  const folder = useFolder()
  const ports = await Promise.all(Array.from({ length: count }, freePort))
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`)
  const servers = await Promise.all(
    routes.map(async (own, index) => {
      const store = ['-js', '-sd', join(folder, String(index)), '-n', `server-${index}`]
      const cluster = ['--cluster_name', 'test', '-cluster', own, '-routes', routes.join()]
      const server = await startNats(...store, ...cluster)
      onTestFinished(() => server.kill())
      return server
    }),
  )
  await untilQuorum(servers[0] as NatsServer)
  return servers
}

/** Resolves when a majority of the servers answers to requests of JetStream. */
export const untilQuorum = (server: NatsServer): Promise<void> =>
  vi.waitFor(
    async () => {
      const connection = await connect({ servers: server.url, timeout: 1000, reconnect: false })
      try {
        await (await jetstreamManager(connection, { timeout: 1000 })).getAccountInfo()
      } finally {
        await connection.close()
      }
    },
    { timeout: 60_000, interval: 100 },
  )
