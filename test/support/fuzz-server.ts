import { type App, createApp, type Logger, type Plugin } from 'rookery'
import { auth } from 'rookery/auth'
import { history } from 'rookery/history'
import { HttpServer, http } from 'rookery/http'
import { rooms } from 'rookery/rooms'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { z } from 'zod'
import { answer } from './fuzz-answer.ts'
import { SECRET } from './fuzz-tokens.ts'

/** Options of the app. */
interface FuzzSetup {
  /** Whether the rate limits are raised out of reach. */
  readonly raised: boolean
  /** Whether peers may have tokens, and some topics are forbidden. */
  readonly tokens: boolean
  /** Secret topics of the well-behaved clients. Fuzzing peers cannot guess them. */
  readonly honest: string
}

/** State of the server. */
export interface FuzzReport {
  readonly usage: { readonly sessions: number; readonly patterns: number; readonly nodes: number }
  /** Heap bytes in use after a garbage collection. */
  readonly heap: number
  /** Active resources of the process, by kind. */
  readonly resources: Readonly<Record<string, number>>
  /** Uncaught exceptions and unhandled rejections. */
  readonly uncaught: readonly string[]
  /** Logged errors, without those of the handler that fails on purpose. */
  readonly errors: readonly string[]
  /** Ids of the internal errors of the handler that fails on purpose. */
  readonly hidden: readonly string[]
  readonly refusals: Readonly<Record<string, number>>
}

const RAISED = {
  messageRate: 1e6,
  messageBurst: 1e6,
  byteRate: 2 ** 40,
  byteBurst: 2 ** 40,
  maxConnectionsPerUser: 1e6,
  handshakeRate: 1e6,
  handshakeBurst: 1e6,
}

const uncaught: string[] = []
const errors: string[] = []
const hidden: string[] = []

const text = (error: unknown): string =>
  error instanceof Error
    ? `${error.stack} ${error.cause ? `caused by ${text(error.cause)}` : ''}`
    : String(error)

process.on('uncaughtException', (error) => uncaught.push(text(error)))
process.on('unhandledRejection', (error) => uncaught.push(`rejected: ${text(error)}`))

const failed = (fields: string | object, message?: string): void => {
  const { topic, errorId, err, stage } = fields as Record<string, unknown>
  if (topic === 'boom' && (err as Error | undefined)?.message === 'on purpose') hidden.push(String(errorId))
  else errors.push(`${message ?? fields} ${topic ?? ''} ${stage ?? ''} ${text(err)}`)
}
const quiet = () => {}
const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: failed }

/** Authentication by token, and an asynchronous authorization function. */
const authPlugin = (): Plugin =>
  auth({
    jwt: { secret: SECRET },
    required: false,
    authorize: async (_ctx, _action, topic) => {
      await new Promise(setImmediate)
      return !topic.startsWith('feed/1')
    },
  })

let app: App | undefined

const start = async ({ raised, tokens, honest }: FuzzSetup): Promise<string> => {
  app = createApp({
    logger,
    limits: raised ? RAISED : {},
    plugins: [
      http({ port: 0, hostname: '127.0.0.1' }),
      websocket({ closeTimeout: 500 }),
      sse({ grace: 200, closeTimeout: 500 }),
      socketio({ closeTimeout: 500 }),
      rooms(),
      // Soon full, so that the heap stays as large as it is.
      history({ topics: ['feed/:id/news', 'rooms/*'], maxMessages: 1000, maxBytes: 2 ** 20 }),
      ...(tokens ? [authPlugin()] : []),
    ],
  })
  app.handle('echo', (_ctx, payload) => payload)
  app.handle('typed', z.object({ text: z.string().max(500), count: z.number() }), (_ctx, { count }) => count)
  app.handle('later', async (_ctx, payload) => {
    await new Promise(setImmediate)
    return payload
  })
  app.handle('publish', (ctx, payload) => {
    const { topic, payload: inner } = (payload ?? {}) as Record<string, unknown>
    return ctx.publish(typeof topic === 'string' ? topic : 'feed/none', inner)
  })
  app.handle('boom', () => {
    throw new Error('on purpose')
  })
  app.handle(`${honest}/relay`, (ctx, payload) => {
    const { to } = payload as { to: string }
    return ctx.publish(`${honest}/${to}`, payload)
  })
  await app.start()
  return app.scope.get(HttpServer).url
}

const report = async (): Promise<FuzzReport> => {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await new Promise(setImmediate)
  }
  const resources: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1
  return {
    usage: app!.usage,
    heap: process.memoryUsage().heapUsed,
    resources,
    uncaught,
    errors,
    hidden,
    refusals: app!.refusals,
  }
}

answer({ start, report, usage: () => app!.usage, stop: () => app!.stop() })
