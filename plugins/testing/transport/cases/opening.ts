import { expect } from 'vitest'
import type { App } from '../../../../core/app/app.ts'
import type { TransportCase } from '../transport-case.ts'

/** Delays the opening of sessions with the query parameter `wait` until `open` is called. */
const createOpenDelay = () => {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  let waiting = 0
  const install = (app: App) =>
    void app.sessions.onOpen(async (_session, { query }) => {
      if (!query.has('wait')) return
      waiting++
      await opened
    })
  return {
    install,
    open: () => open(),
    expectWaiting: () => expect(waiting, 'The transport MUST accept the peer').toBe(1),
  }
}

export const opening: readonly TransportCase[] = [
  {
    name: 'frames that a peer sends before its session is open are handled in order once it is open',
    capability: 'earlyFrames',
    async run(context) {
      const delay = createOpenDelay()
      const server = await context.start({}, delay.install)
      const heard: unknown[] = []
      server.app.handle('number', (_ctx, payload) => void heard.push(payload))
      const peer = await server.connect({ params: { wait: '1' } })
      const numbers = [1, 2, 3, 4, 5]
      const sent = peer.send(...numbers.map((number) => ({ topic: 'number', payload: number })))
      await context.until(delay.expectWaiting)
      // When a later peer has been answered, earlier frames would have been handled, too.
      await (await server.openSession()).call('echo')
      expect(heard, 'The transport MUST hold frames of the peer back until open resolves').toEqual([])
      delay.open()
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
      const delay = createOpenDelay()
      const server = await context.start({}, delay.install)
      const peer = await server.connect({ params: { wait: '1' } })
      const sent = peer.send({ type: 'subscribe', topics: ['news/*'], id: 1 })
      await context.until(delay.expectWaiting)
      delay.open()
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
      const delay = createOpenDelay()
      const server = await context.start({}, delay.install)
      const peer = await server.connect({ params: { wait: '1' } })
      await context.until(delay.expectWaiting)
      peer.abort()
      // When a later peer has been answered several times, the transport has noticed the disconnection.
      const later = await server.openSession()
      for (let round = 0; round < 5; round++) await later.call('echo')
      delay.open()
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
