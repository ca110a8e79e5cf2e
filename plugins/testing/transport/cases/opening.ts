import { expect } from 'vitest'
import type { App } from '../../../../core/app/app.ts'
import type { TransportCase } from '../transport-case.ts'

/** Holds sessions of `?wait` back at the last step before they are open. */
const createGate = () => {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  let waiting = 0
  const guard = (app: App) =>
    void app.sessions.onOpen(async (_session, { query }) => {
      if (!query.has('wait')) return
      waiting++
      await opened
    })
  return {
    guard,
    open: () => open(),
    untilWaiting: () => expect(waiting, 'The transport MUST accept the peer').toBe(1),
  }
}

export const opening: readonly TransportCase[] = [
  {
    name: 'frames that a peer sends before its session is open are handled in order once it is open',
    capability: 'earlyFrames',
    async run(context) {
      const gate = createGate()
      const server = await context.start({}, gate.guard)
      const heard: unknown[] = []
      server.app.handle('number', (_ctx, payload) => void heard.push(payload))
      const peer = await server.connect({ params: { wait: '1' } })
      const numbers = [1, 2, 3, 4, 5]
      const sent = peer.send(...numbers.map((number) => ({ topic: 'number', payload: number })))
      await context.until(gate.untilWaiting)
      // Whatever another peer sends after it has been served by then.
      await (await server.openSession()).call('echo')
      expect(heard, 'The transport MUST hold frames of the peer back until open resolves').toEqual([])
      gate.open()
      await sent
      await context.until(() => {
        expect(heard, 'Frames sent before open resolved MUST be passed on afterwards').toEqual(numbers)
      })
    },
  },
  {
    name: 'a subscription that a peer sends before its session is open takes effect once it is open',
    capability: 'earlyFrames',
    async run(context) {
      const gate = createGate()
      const server = await context.start({}, gate.guard)
      const peer = await server.connect({ params: { wait: '1' } })
      const sent = peer.send({ type: 'subscribe', topics: ['news/*'], id: 1 })
      await context.until(gate.untilWaiting)
      gate.open()
      await sent
      await peer.untilReply(1)
      expect(peer.frames[0]?.type, 'welcome MUST be the first frame').toBe('welcome')
      await server.app.publish('news/today', 'fresh')
      await peer.untilPayloads('news/today', ['fresh'], 'Messages published after a subscription MUST arrive')
    },
  },
  {
    name: 'a peer that disconnects before its session is open leaves no session',
    async run(context) {
      const gate = createGate()
      const server = await context.start({}, gate.guard)
      const peer = await server.connect({ params: { wait: '1' } })
      await context.until(gate.untilWaiting)
      peer.abort()
      // By the time that a later peer has come and been answered, the transport has heard of it.
      const later = await server.openSession()
      for (let round = 0; round < 5; round++) await later.call('echo')
      gate.open()
      await server.untilSessions(
        1,
        'session.disconnected() MUST be called even if the connection was lost before open resolved',
      )
    },
  },
  {
    name: 'messages that the server sends while a session opens arrive after the welcome frame',
    async run(context) {
      const server = await context.start({}, (app) => {
        app.sessions.onOpen((session) => {
          session.send('hello', 'first')
          session.subscribe('news/*')
          void app.publish('news/today', 'second')
        })
      })
      const peer = await server.openSession()
      await peer.untilPayloads(
        'news/today',
        ['second'],
        'A subscription that the server makes MUST take effect',
      )
      const order = peer.frames.map((frame) => (frame.type === undefined ? frame.topic : frame.type))
      expect(order, 'Wire.write MUST keep the order of frames').toEqual(['welcome', 'hello', 'news/today'])
    },
  },
]
