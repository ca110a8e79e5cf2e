/** The program of one node of the soak. Publishes numbered messages, and answers the soak over IPC. */
import { setTimeout as delay } from 'node:timers/promises'
import { createApp } from 'rookery'
import { Auth, auth } from 'rookery/auth'
import { HttpServer, http } from 'rookery/http'
import { nats } from 'rookery/nats'
import { Rooms, rooms } from 'rookery/rooms'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { activeResources } from '../../plugins/testing/resources.ts'
import { stopWithParent } from '../support/stop-with-parent.ts'
import { type Ask, type NodeView, type Numbered, ROOMS, roomTopic, TOPICS, type Told } from './messages.ts'

/** Milliseconds between two messages, between two addressed messages, and between two events for the workers. */
const PUBLISH_MS = 25
const SEND_MS = 60
const JOB_MS = 40

const { NATS_SERVERS = '', SOAK_SECRET = '' } = process.env

const app = createApp({
  stopTimeout: '10s',
  // All clients have the address of the balancer.
  limits: { handshakeRate: 10_000, handshakeBurst: 10_000 },
  plugins: [
    http({ port: 0, hostname: '127.0.0.1' }),
    websocket(),
    socketio(),
    sse({ grace: '3s' }),
    rooms(),
    auth({ jwt: { secret: SOAK_SECRET }, grace: '3s' }),
    nats({ servers: NATS_SERVERS.split(',') }),
  ],
})

/** Resolves when the message is in the pipe to the soak, where it outlives this process. */
const tell = (message: Told): Promise<void> =>
  new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()))

app.handle('work/do', async (_ctx, payload) => {
  const { number, ms } = payload as { number: number; ms: number }
  await tell({ tell: 'call', number })
  await delay(ms)
  return number
})
app.bus.subscribe('jobs/*', async ({ payload }) => await tell({ tell: 'job', job: payload as Numbered }), {
  source: 'cluster',
  group: 'workers',
})

/** The latest message by topic. */
const published = new Map<string, { n: number; at: number }>()
const topics = [...TOPICS, ...ROOMS.map(roomTopic)]
const timers: ReturnType<typeof setInterval>[] = []
let turn = 0

/** The next message on a topic. All messages before it must have arrived. */
const next = (topic: string): Numbered => {
  const { n: after, at: afterAt } = published.get(topic) ?? { n: 0, at: 0 }
  const message = { node: app.cluster.node, n: after + 1, at: Date.now(), after, afterAt }
  published.set(topic, message)
  return message
}

/** Sends numbered messages to a user, one after the other. The receiver must have got those that a session took. */
const createSender = (user: string) => {
  const topic = `inbox/${user}`
  let n = 0
  let taken = { after: 0, afterAt: 0 }
  let busy = false
  return async () => {
    if (busy) return
    busy = true
    const message = { node: app.cluster.node, n: ++n, at: Date.now(), ...taken }
    const isTaken = await app.send({ user }, topic, message).then(
      () => true,
      () => false,
    )
    if (isTaken) taken = { after: message.n, afterAt: message.at }
    busy = false
  }
}

const begin = (users: readonly string[]): void => {
  const senders = users.map(createSender)
  timers.push(
    setInterval(() => {
      const topic = topics[turn++ % topics.length] as string
      void app.publish(topic, next(topic))
    }, PUBLISH_MS),
    setInterval(() => void senders[turn % senders.length]?.(), SEND_MS),
    setInterval(() => app.bus.publish('jobs/next', next('jobs')), JOB_MS),
  )
}

const end = (): void => {
  for (const timer of timers.splice(0)) clearInterval(timer)
}

const look = async (): Promise<NodeView> => {
  const { cluster, sessions } = app
  const all = app.scope.get(Rooms)
  const members: Record<string, { ids: string[]; missing: readonly string[] }> = {}
  for (const room of ROOMS) {
    const { items, missing } = await all.members(room)
    members[room] = { ids: items.map(({ id }) => id), missing }
  }
  return {
    node: cluster.node,
    nodes: cluster.nodes(),
    connected: cluster.connected,
    sessions: [...sessions].map((session) => ({
      id: session.id,
      user: session.user?.id ?? '',
      rooms: [...session.rooms],
      subscriptions: session.subscriptions,
      jti: String(app.scope.get(Auth).claims(session)?.jti),
      iat: Number(app.scope.get(Auth).claims(session)?.iat),
    })),
    members,
    list: all.list(),
    published: Object.fromEntries(topics.map((topic) => [topic, published.get(topic)?.n ?? 0])),
    jobs: published.get('jobs')?.n ?? 0,
    resources: activeResources(),
  }
}

const answer = async (question: Ask): Promise<unknown> => {
  switch (question.ask) {
    case 'begin':
      return begin(question.users)
    case 'look':
      return await look()
    case 'publish': {
      const message = next(question.topic)
      await app.publish(question.topic, message)
      return message
    }
    case 'revoke':
      return (await app.scope.get(Auth).revoke(question.target)).missing
    case 'end':
      return end()
  }
}

process.on('message', ({ id, question }: { id: number; question: Ask }) => {
  answer(question).then(
    (value) => tell({ tell: 'answer', id, value }),
    (error: unknown) => tell({ tell: 'answer', id, error: String(error) }),
  )
})

const stop = async (): Promise<void> => {
  end()
  const { jobs, ...messages } = Object.fromEntries(published)
  await tell({ tell: 'stopping', published: messages, jobs: jobs?.n ?? 0 })
  await app.stop()
}

stopWithParent(stop)

await app.start()
console.log(`listening ${app.scope.get(HttpServer).url} node=${app.cluster.node}`)
