/** The program of one node of the history soak. Publishes kept messages, and answers the soak over IPC. */
import { setTimeout as delay } from 'node:timers/promises'
import { createApp } from 'rookery'
import { auth } from 'rookery/auth'
import { history } from 'rookery/history'
import { HttpServer, http } from 'rookery/http'
import { nats } from 'rookery/nats'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { stopWithParent } from '../../support/stop-with-parent.ts'
import type { Told } from '../messages.ts'
import { type HistoryAsk, type Kept, PAGE, TOPICS } from './messages.ts'

/** Milliseconds after which a message that the history has not confirmed is published again. */
const RETRY_MS = 100

const { NATS_SERVERS = '', SOAK_SECRET = '', SOAK_PUBLISH_MS = '50', SOAK_SPREAD = '2s' } = process.env

const app = createApp({
  startTimeout: '60s',
  stopTimeout: '20s',
  reconnectSpread: SOAK_SPREAD as '2s',
  // All clients have the address of the balancer.
  limits: { handshakeRate: 10_000, handshakeBurst: 10_000 },
  plugins: [
    http({ port: 0, hostname: '127.0.0.1' }),
    websocket(),
    sse({ grace: '1s' }),
    auth({ jwt: { secret: SOAK_SECRET } }),
    nats({ servers: NATS_SERVERS.split(',') }),
    history({ topics: ['kept/*'], maxMessages: 10_000_000, maxBytes: 8 * 2 ** 30, maxReplay: 10_000_000 }),
  ],
})

/** Resolves when the message is in the pipe to the soak, where it outlives this process. */
const tell = (message: Told): Promise<void> =>
  new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()))

const pending = new Set<Promise<void>>()
let timer: ReturnType<typeof setInterval> | undefined
let last = 0
let stopping = false

/** Publishes a message until the history has confirmed it, or the node stops. */
const publish = async (n: number): Promise<void> => {
  const { node } = app.cluster
  const topic = TOPICS[(n * 7) % TOPICS.length] as string
  while (!stopping) {
    try {
      await app.publish(topic, { node, n } satisfies Kept, { id: `${node}-${n}` })
      await tell({ tell: 'stored', node, n })
      return
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'history_unavailable') throw error
      await delay(RETRY_MS)
    }
  }
}

const begin = (): void => {
  timer = setInterval(() => {
    const published = publish(++last).finally(() => pending.delete(published))
    pending.add(published)
  }, Number(SOAK_PUBLISH_MS))
}

const end = async (): Promise<void> => {
  clearInterval(timer)
  await Promise.all(pending)
}

/** Whether the node is connected to NATS and its history is available. */
const isReady = async (): Promise<boolean> => (await fetch(`${app.scope.get(HttpServer).url}/readyz`)).ok

const answer = async (question: HistoryAsk): Promise<unknown> => {
  switch (question.ask) {
    case 'begin':
      return begin()
    case 'look':
      return { node: app.cluster.node, nodes: app.cluster.nodes(), connected: await isReady() }
    case 'read':
      return await app.history.read('kept/*', { since: question.since, limit: PAGE })
    case 'end':
      return await end()
  }
}

process.on('message', ({ id, question }: { id: number; question: HistoryAsk }) => {
  answer(question).then(
    (value) => tell({ tell: 'answer', id, value }),
    (error: unknown) => tell({ tell: 'answer', id, error: String(error) }),
  )
})

const stop = async (): Promise<void> => {
  clearInterval(timer)
  stopping = true
  await app.stop()
  await Promise.all(pending)
}

stopWithParent(stop)

await app.start()
console.log(`listening ${app.scope.get(HttpServer).url} node=${app.cluster.node}`)
