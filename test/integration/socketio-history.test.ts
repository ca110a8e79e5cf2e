import { history } from 'rookery/history'
import { socketio } from 'rookery/socketio'
import { io, type Socket } from 'socket.io-client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startApp, type TestAppOptions } from '../support/app.ts'

const CURSOR = expect.stringMatching(/^[\w-]{22}$/)

const start = (options: Omit<TestAppOptions, 'plugins'> = {}) =>
  startApp({ ...options, plugins: [socketio({ closeTimeout: 500 }), history({ topics: ['news/*'] })] })

/** A Socket.IO client that records its events. */
const connect = (url: string, transports = ['websocket']) => {
  const socket: Socket = io(url, { transports, forceNew: true })
  onTestFinished(() => void socket.disconnect())
  const events: unknown[][] = []
  socket.onAny((...event) => events.push(event))
  const until = (name: string) =>
    vi.waitFor(() => {
      const found = events.find(([event]) => event === name)
      if (!found) throw new Error(`no ${name} yet among ${JSON.stringify(events)}`)
      // biome-ignore lint/suspicious/noExplicitAny: payloads of every shape
      return found[1] as any
    })
  const messages = () => events.filter(([name]) => !String(name).startsWith('$'))
  return { socket, events, until, messages }
}

describe.each([['websocket'], ['polling']])('an unchanged socket.io-client over %s', (transport) => {
  it('gets the position in $welcome, the acknowledgement, messages and $cursor', async () => {
    const { url, app } = await start({ pingInterval: 30 })
    const { socket, until, messages, events } = connect(url, [transport])
    const { cursor } = await until('$welcome')
    expect(cursor).toEqual(CURSOR)
    expect(await socket.emitWithAck('subscribe', ['news/*', 'other'])).toEqual({
      topics: ['news/*', 'other'],
      cursor,
    })
    expect(await until('$cursor')).toBe(cursor)
    await app.publish('news/a', 1)
    await app.publish('other', 2)
    await app.publish({ topics: ['news/a', 'news/b'], payload: 3, client: { topic: 'changed' } })
    await vi.waitFor(() => expect(messages()).toHaveLength(3))
    expect(messages().toSorted((a, b) => Number(a[1]) - Number(b[1]))).toEqual([
      ['news/a', 1, { cursor: CURSOR }],
      ['other', 2],
      ['changed', 3, { topics: ['news/a', 'news/b'], cursor: CURSOR }],
    ])
    const [, , details] = messages().find(([name]) => name === 'changed') as [
      string,
      number,
      { cursor: string },
    ]
    await vi.waitFor(() => expect(events).toContainEqual(['$cursor', details.cursor]))
  })

  it('passes since, and gets what it has missed between the acknowledgement and $replayed', async () => {
    const { url, app } = await start()
    const first = connect(url, [transport])
    await first.socket.emitWithAck('subscribe', 'news/*')
    await app.publish('news/a', 1)
    await vi.waitFor(() => expect(first.messages()).toHaveLength(1))
    const [[, , { cursor: since }]] = first.messages() as [[string, number, { cursor: string }]]
    first.socket.io.engine.close()
    for (const payload of [2, 3]) await app.publish('news/a', payload)
    const second = connect(url, [transport])
    await second.until('$welcome')
    second.socket.emit('subscribe', { topics: ['news/*', 'other'], since }, (reply: unknown) => {
      second.events.push(['reply', reply])
    })
    const end = await second.until('$replayed')
    await app.publish('news/a', 4)
    await vi.waitFor(() => expect(second.messages()).toHaveLength(4))
    expect(end).toEqual({ type: 'replayed', recovered: true, unkept: ['other'], cursor: CURSOR })
    expect(second.events.slice(1)).toEqual([
      ['reply', { topics: ['news/*', 'other'] }],
      ['news/a', 2, { cursor: CURSOR, replayed: true }],
      ['news/a', 3, { cursor: end.cursor, replayed: true }],
      ['$replayed', end],
      ['news/a', 4, { cursor: CURSOR }],
    ])
  })
})

it('a socket.io-client that keeps the newest cursor resumes after each lost connection', async () => {
  const { url, app } = await start()
  const socket: Socket = io(url, { forceNew: true, reconnectionDelay: 1, reconnectionDelayMax: 5 })
  onTestFinished(() => void socket.disconnect())
  const [got, ends]: [unknown[], unknown[]] = [[], []]
  let cursor: string | undefined
  socket.on('$welcome', () => socket.emit('subscribe', { topics: ['news/*'], since: cursor ?? { last: 1 } }))
  socket.onAny((name, payload, meta) => {
    if (name === '$cursor') cursor = payload
    else cursor = meta?.cursor ?? (name === '$replayed' ? payload.cursor : cursor)
  })
  socket.on('news/a', (payload) => got.push(payload))
  socket.on('$replayed', ({ recovered }) => ends.push(recovered))
  for (let round = 1; round < 4; round++) {
    await vi.waitFor(() => expect(ends).toEqual(Array(round).fill(true)))
    await app.publish('news/a', `live ${round}`)
    await vi.waitFor(() => expect(got.at(-1)).toBe(`live ${round}`))
    socket.io.engine.close()
    await app.publish('news/a', `missed ${round}`)
  }
  await vi.waitFor(() => expect(ends).toHaveLength(4))
  expect(got).toEqual([1, 2, 3].flatMap((round) => [`live ${round}`, `missed ${round}`]))
})

describe('an event subscribe of Socket.IO', () => {
  it.each([
    ['a string', 'news/*'],
    ['a list', ['news/*']],
    ['an object', { topics: ['news/*'] }],
    ['an object with one topic', { topics: 'news/*' }],
  ])('takes %s', async (_what, argument) => {
    const { url } = await start()
    const { socket } = connect(url)
    expect(await socket.emitWithAck('subscribe', argument)).toEqual({ topics: ['news/*'], cursor: CURSOR })
    expect(await socket.emitWithAck('unsubscribe', argument)).toEqual({ topics: ['news/*'] })
  })

  it.each([[{}], [{ since: 'earliest' }], [{ topics: [] }], [{ topics: ['a'], since: 5 }], [null], []])(
    'is refused with bad_frame with the argument %j',
    async (...args) => {
      const { url } = await start()
      const { socket } = connect(url)
      expect(await socket.emitWithAck('subscribe', ...args)).toMatchObject({ error: { code: 'bad_frame' } })
    },
  )
})
