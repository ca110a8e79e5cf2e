import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import {
  type App,
  createApp,
  definePlugin,
  type Frame,
  type PeerSession,
  type Plugin,
  Sessions,
  type TransportHost,
  Transports,
} from 'rookery'
import { type NatsOptions, nats } from 'rookery/nats'
import { expect, onTestFinished, vi } from 'vitest'
import { type Line, recordingLogger } from './app.ts'

export interface NatsServer {
  readonly url: string
  readonly port: number
  /** Output of the server, for failure messages. */
  readonly log: () => string
  /** Kills the server like a crash. */
  kill(): Promise<void>
  /** Starts the server again on the same port. */
  restart(): Promise<void>
  /** Suspends the process, and resumes it. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

/** Finds a port that is free at the time of the call. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a real nats-server on 127.0.0.1. The caller stops it. */
export const startNats = async (...args: readonly string[]): Promise<NatsServer> => {
  const port = await freePort()
  let child: ChildProcess | undefined
  let written = ''
  const start = async () => {
    const own = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port), ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child = own
    const from = written.length
    await new Promise<void>((resolve, reject) => {
      own.once('error', reject)
      own.once('exit', (code) => reject(new Error(`nats-server ended with ${code}:\n${written}`)))
      own.stderr?.on('data', (chunk) => {
        written += chunk
        if (written.includes('Server is ready\n', from)) resolve()
      })
    })
  }
  const end = async (signal: NodeJS.Signals) => {
    const own = child
    child = undefined
    if (!own || own.exitCode !== null || own.signalCode !== null) return
    own.kill(signal)
    if (signal === 'SIGTERM') own.kill('SIGCONT')
    await once(own, 'exit')
  }
  await start()
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    log: () => written,
    kill: () => end('SIGKILL'),
    restart: start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    stop: () => end('SIGTERM'),
  }
}

/** Starts a nats-server. Stops it at the end of the test. */
export const useNats = async (...args: readonly string[]): Promise<NatsServer> => {
  const server = await startNats(...args)
  onTestFinished(() => server.stop())
  return server
}

/** Opens a plain NATS connection, without Rookery. Closes it at the end of the test. */
export const connectPlain = async (server: Pick<NatsServer, 'url'>): Promise<NatsConnection> => {
  const connection = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  onTestFinished(() => connection.close())
  return connection
}

/** A peer that is connected to a node without a network. */
interface NodePeer {
  readonly session: PeerSession
  /** Topics and payloads of the messages so far. */
  readonly messages: readonly (readonly [string, unknown])[]
  leave(): void
}

export interface NatsNode {
  readonly app: App
  readonly id: string
  readonly lines: Line[]
  /** Connects a peer that subscribes to patterns. It may be a user and may be in a room. */
  connect(
    patterns?: readonly string[],
    who?: { readonly user?: string; readonly room?: string },
  ): Promise<NodePeer>
  /** Messages of the log entries that fit. */
  logged(fits: RegExp): Line[]
}

export interface NodeOptions {
  readonly nats?: NatsOptions
  readonly plugins?: readonly Plugin[]
  /** Called before the app starts. */
  readonly prepare?: (app: App) => void
}

/** Creates an app on NATS without starting it. Peers connect within this process. Stops it at the end of the test. */
export const createNode = ({ nats: options, plugins = [], prepare }: NodeOptions): NatsNode => {
  const logger = recordingLogger()
  let host: TransportHost | undefined
  const local = definePlugin({
    name: 'local',
    setup(scope) {
      scope.get(Sessions).onAuthenticate(({ query }) => {
        const id = query.get('user')
        return id ? { id, name: id } : null
      })
      scope.get(Transports).add({
        name: 'local',
        start: async (given) => {
          host = given
        },
        stop: async () => {},
      })
    },
  })
  // All peers have one address.
  const limits = { handshakeBurst: 100_000, maxConnectionsPerAddress: 50_000 }
  const app = createApp({ logger, limits, plugins: [nats(options), local, ...plugins] })
  prepare?.(app)
  // An app that failed to start has nothing to stop. Another test covers that case.
  onTestFinished(() => app.stop().catch(() => {}))
  return {
    app,
    get id() {
      return app.cluster.node
    },
    lines: logger.lines,
    logged: (fits) => logger.lines.filter(({ msg }) => fits.test(msg ?? '')),
    connect: async (patterns = [], { user, room } = {}) => {
      const messages: (readonly [string, unknown])[] = []
      const write = (frames: readonly Frame[]) => {
        for (const { message } of frames) {
          if (message.type === undefined) messages.push([message.topic, message.payload])
        }
      }
      const wire = { write, buffered: 0, selfMonitored: true, close: () => {}, terminate: () => {} }
      const query = new URLSearchParams(user === undefined ? {} : { user })
      const handshake = { transport: 'local', address: 'here', headers: {}, query, topics: patterns }
      if (!host) throw new Error('The app has not started')
      const session = await host.open(handshake, wire)
      if (room !== undefined) app.sessions.enterRoom(session, room)
      return { session, messages, leave: () => session.disconnected() }
    },
  }
}

/** Starts an app on a nats-server. */
export const startNode = async (
  server: Pick<NatsServer, 'url'>,
  { nats: options, ...rest }: NodeOptions = {},
): Promise<NatsNode> => {
  const own = options?.connection ? {} : { servers: server.url }
  const node = createNode({ ...rest, nats: { ...own, ...options } })
  await node.app.start()
  return node
}

/**
 * Starts several apps. Resolves when they know each other.
 *
 * @param optionsOf called for each app: an app needs plugins of its own
 */
export const startNodes = async (
  server: Pick<NatsServer, 'url'>,
  count: number,
  optionsOf: () => NodeOptions = () => ({}),
): Promise<NatsNode[]> => {
  const nodes = await Promise.all(Array.from({ length: count }, () => startNode(server, optionsOf())))
  await until(() => nodes.every(({ app }) => app.cluster.nodes().length === count))
  return nodes
}

/** Resolves when a condition holds. The time limit is long, because the machine may be busy. */
export const until = (condition: () => unknown, timeout = 60_000): Promise<void> =>
  vi.waitFor(
    () => {
      if (!condition()) throw new Error(`not yet: ${condition}`)
    },
    { timeout, interval: 5 },
  )

/** Resolves when all subscriptions of a node so far have reached the server. */
export const settled = async (...nodes: readonly NatsNode[]): Promise<void> => {
  // The server answers in order, so it has processed everything sent before.
  const asker = nodes[0] as NatsNode
  for (const { id } of nodes.slice(1)) {
    const answer = asker.app.cluster.askNode(id, 'nothing', undefined, 60_000)
    await answer.catch(({ code }) => expect(code).toBe('unknown_topic'))
  }
}
