import { type Plugin, RookeryError } from 'rookery'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { describe, expect, it, vi } from 'vitest'
import { history } from '../../plugins/history/index.ts'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { type BareClient, connectBare } from '../support/bare-client.ts'
import { clientBy, untilOpen } from '../support/client-transports.ts'

const start = (plugins: readonly Plugin[] = []) =>
  startApp({
    plugins: [history({ users: { maxAge: '7d' } }), ...plugins],
    prepare: (app) =>
      void app.sessions.onAuthenticate(({ query }) => {
        const id = query.get('user')
        return id === null ? null : { id, name: id }
      }),
  })

const connect = (url: string, user: string) => connectBare(url, `?user=${encodeURIComponent(user)}`)

const resume = async (client: BareClient, since: unknown) => {
  const { id } = await client.ask({ type: 'subscribe', topics: ['$inbox'], since })
  return await client.until((frame) => frame.type === 'replayed' && frame.id === id)
}

const inbox = (client: BareClient) =>
  client.frames.filter(({ topic }) => topic === 'inbox/new').map(({ payload }) => payload)

describe('the inbox of a user', () => {
  it('keeps what is sent while the user is away, for each device from its own cursor', async () => {
    verifies('protocol.history.inbox', 'delivery.history.inbox')
    const { url, app } = await start()
    const phone = await connect(url, 'ada')
    const welcome = await phone.until(({ type }) => type === 'welcome')
    expect(welcome).toMatchObject({ inbox: true, cursor: expect.any(String) })
    expect(await app.send({ user: 'ada' }, 'inbox/new', 1)).toMatchObject({ sessions: 1 })
    const first = await phone.until(({ topic }) => topic === 'inbox/new')
    expect(first).toEqual({
      topic: 'inbox/new',
      payload: 1,
      topics: ['$user/ada'],
      cursor: expect.any(String),
    })
    phone.socket.close()
    await vi.waitFor(() => expect(app.sessions.size).toBe(0))
    expect(await app.send({ user: 'ada' }, 'inbox/new', 2)).toEqual({ sessions: 0, kept: true })
    await app.send({ user: 'bob' }, 'inbox/new', 'for bob')
    const again = await connect(url, 'ada')
    expect((await resume(again, first.cursor)).recovered).toBe(true)
    const laptop = await connect(url, 'ada')
    await resume(laptop, welcome.cursor)
    expect([inbox(again), inbox(laptop)]).toEqual([[2], [1, 2]])
    expect(await app.send({ user: 'ada' }, 'inbox/new', 3)).toMatchObject({ sessions: 2 })
    await vi.waitFor(() =>
      expect([inbox(again), inbox(laptop)]).toEqual([
        [2, 3],
        [1, 2, 3],
      ]),
    )
  })

  it('is for its user alone', async () => {
    const { url, app } = await start()
    await app.send({ user: 'ada' }, 'inbox/new', 'secret')
    const bob = await connect(url, 'bob')
    await resume(bob, 'earliest')
    const all = await bob.ask({ type: 'subscribe', topics: ['*'], since: 'earliest' })
    await bob.until((frame) => frame.type === 'replayed' && frame.id === all.id)
    const stolen = await bob.ask({ type: 'subscribe', topics: ['$user/ada'], since: 'earliest' })
    expect(stolen.error.code).toBe('reserved_topic')
    expect(inbox(bob)).toEqual([])
    const anonymous = await connectBare(url)
    const { error } = await anonymous.ask({ type: 'subscribe', topics: ['$inbox'], since: 'earliest' })
    expect(error.code).toBe('reserved_topic')
  })

  it('is refused by an app that keeps none, beside other patterns', async () => {
    const { url } = await startApp()
    const client = await connectBare(url)
    const { payload } = await client.ask({ type: 'subscribe', topics: ['news', '$inbox'] })
    expect(payload).toMatchObject({ topics: ['news'], refused: [{ topic: '$inbox' }] })
  })

  it('leaves messages to sessions and rooms as they are', async () => {
    const { app } = await start()
    await expect(app.send({ room: 'x' }, 'inbox/new')).rejects.toMatchObject({ code: 'not_connected' })
  })
})

describe.each(['websocket', 'sse', 'socketio'])('a client over %s', (transport) => {
  it('gets what was sent to its user while it was away, once, whatever its listeners ask for', async () => {
    const { url, app } = await start([sse(), socketio()])
    const client = clientBy(transport, url, { params: { user: 'ada' } })
    const heard: unknown[] = []
    const late: unknown[] = []
    client.subscribe('inbox/new', (payload) => heard.push(payload), { local: true })
    await untilOpen(client)
    await app.send({ user: 'ada' }, 'inbox/new', 1)
    await vi.waitFor(() => expect(heard).toEqual([1]))
    const cursor = client.cursor as string
    client.close()
    await vi.waitFor(() => expect(app.sessions.size).toBe(0))
    await app.send({ user: 'ada' }, 'inbox/new', 2)
    const next = clientBy(transport, url, { params: { user: 'ada' }, cursor })
    next.subscribe('inbox/*', (payload, { replayed }) => late.push([payload, replayed]), {
      since: 'earliest',
    })
    await vi.waitFor(() => expect(late).toEqual([[2, true]]))
    await app.send({ user: 'ada' }, 'inbox/new', 3)
    await vi.waitFor(() =>
      expect(late).toEqual([
        [2, true],
        [3, undefined],
      ]),
    )
  })

  it('gets it after a cut, too, without an option', async () => {
    const { url, app } = await start([sse(), socketio()])
    const client = clientBy(transport, url, { params: { user: 'ada' } })
    const heard: unknown[] = []
    client.subscribe('inbox/*', (payload) => heard.push(payload))
    await untilOpen(client)
    for (let number = 1; number <= 6; number++) {
      await app.send({ user: 'ada' }, 'inbox/new', number)
      for (const session of number % 2 ? [...app.sessions] : [])
        session.close(new RookeryError('shutting_down', undefined, { reconnectAfter: 5 }))
    }
    await vi.waitFor(() => expect(heard).toEqual([1, 2, 3, 4, 5, 6]), { timeout: 10_000 })
  })
})
