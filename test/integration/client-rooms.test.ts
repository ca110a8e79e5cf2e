import { type Action, type App, RookeryError, type Session } from 'rookery'
import { auth } from 'rookery/auth'
import type { Client } from 'rookery/client'
import { Rooms, type RoomsOptions, rooms } from 'rookery/rooms'
import { describe, expect, it, vi } from 'vitest'
import { clientBy, recordStates, untilOpen } from '../support/client-transports.ts'
import { deferred } from '../support/deferred.ts'
import { startThree, TRANSPORTS } from '../support/three-transports.ts'

const member = (name: string) => ({ id: name, name })

/** Closes a session so that its client reconnects. Resolves when the client knows. */
const cut = (client: Client, session: Session) =>
  new Promise<void>((resolve) => {
    const stop = client.on('close', () => {
      stop()
      resolve()
    })
    session.close(new RookeryError('slow_consumer', undefined, { reconnectAfter: 5 }))
  })

const authorize = (app: App, allows: (action: Action, topic: string) => boolean | Promise<boolean>) =>
  app.sessions.addAuthorizer({
    authorize: (_session, action, topic) => allows(action, topic),
    authorizePattern: () => true,
  })

const start = async (transport: string, options?: RoomsOptions) => {
  const said: unknown[] = []
  const { app, url } = await startThree({
    plugins: [rooms(options)],
    prepare: (app) => {
      app.handle('rooms/*/say', async (ctx, payload) => {
        said.push(payload)
        await ctx.publish(`rooms/${ctx.room}/said`, payload)
        return ctx.room
      })
    },
  })
  const connect = (username: string) => clientBy(transport, url, { params: { username } })
  const sessionOf = (user: string) => app.sessions.find({ user })[0] as Session
  return { app, url, said, connect, sessionOf, rooms: app.scope.get(Rooms) }
}

describe.each(TRANSPORTS)('client.join over %s', (transport) => {
  it('gives a handle that hears the room, sends to it, lists its members and leaves', async () => {
    const { app, connect, sessionOf } = await start(transport)
    const [ada, bob] = [connect('ada').join('42'), connect('bob').join('42')]
    const heard: unknown[] = []
    ada.on<string>('said', (text, { topic }) => heard.push([text, topic]))
    ada.on('*', (_payload, { topic }) => heard.push(topic))
    await Promise.all([ada.ready, bob.ready])
    expect([ada.name, ada.state, ada.error]).toEqual(['42', 'joined', undefined])
    expect(await bob.call('say', 'hello')).toBe('42')
    bob.send('say', 'again')
    await vi.waitFor(() => expect(heard.filter((one) => typeof one !== 'string')).toHaveLength(2))
    expect(heard).toEqual(expect.arrayContaining([['hello', 'rooms/42/said'], 'rooms/42/said']))
    const { members, total, missing } = await ada.members()
    expect([...members].sort((one, other) => one.id.localeCompare(other.id))).toEqual(
      ['ada', 'bob'].map(member),
    )
    expect([total, missing]).toEqual([2, []])
    ada.leave()
    ada.leave()
    expect(ada.state).toBe('left')
    await vi.waitFor(() => expect(sessionOf('ada').rooms.size).toBe(0))
    const before = heard.length
    await app.publish('rooms/42/said', 'not for ada')
    await bob.call('say', 'later')
    expect(heard).toHaveLength(before)
  })

  it('hears what is addressed to the room although the server refuses subscriptions to its topics', async () => {
    const { app, url } = await startThree({
      plugins: [
        auth({
          authenticate: () => ({ id: 'ada', name: 'ada' }),
          rules: { subscribe: { 'news/*': true }, join: { '42': true }, send: { 'room/*': true } },
        }),
        rooms(),
      ],
    })
    const room = clientBy(transport, url).join('42')
    const heard: unknown[] = []
    room.on('notice', (payload) => heard.push(payload))
    await room.ready
    await app.publish('rooms/42/notice', 'published')
    await app.send({ room: '42' }, 'rooms/42/notice', 'sent')
    await vi.waitFor(() => expect(heard).toEqual(['published', 'sent']))
  })

  it('is restored after a reconnect, before queued messages leave', async () => {
    const { said, connect, sessionOf } = await start(transport)
    const client = connect('ada')
    const room = client.join('42')
    const states = recordStates((listener) => room.onState(listener))
    for (const round of [1, 2, 3]) {
      await vi.waitFor(() => expect(room.state).toBe('joined'))
      await cut(client, sessionOf('ada'))
      room.send('say', `queued ${round}`)
      expect(await room.call('say', round)).toBe('42')
    }
    expect(said).toEqual(['queued 1', 1, 'queued 2', 2, 'queued 3', 3])
    expect(states).toEqual(['joined', 'joining', 'joined', 'joining', 'joined', 'joining', 'joined'])
  })

  it('holds messages that the application sends right after the call until the client is in the room', async () => {
    const { app, connect } = await start(transport)
    const asked = deferred()
    const allowed = deferred()
    authorize(app, async (action) => {
      if (action !== 'join') return true
      asked.resolve()
      await allowed.promise
      return true
    })
    const client = connect('ada')
    await untilOpen(client)
    const answer = client.join('42').call('say', 1)
    await asked.promise
    allowed.resolve()
    expect(await answer).toBe('42')
  })

  it('fails for good with the refusal, and emits an `error` event if nobody looks', async () => {
    const { app, connect } = await start(transport)
    authorize(app, (action, room) => action !== 'join' || room === '42')
    const client = connect('ada')
    const errors: unknown[] = []
    client.on('error', ({ code, message }) => errors.push([code, message]))
    const observed = client.join('7')
    await expect(observed.ready).rejects.toMatchObject({ code: 'forbidden' })
    expect([observed.state, observed.error?.code]).toEqual(['failed', 'forbidden'])
    const states = recordStates((listener) => client.join('8').onState(listener))
    await vi.waitFor(() => expect(states).toEqual(['failed: forbidden']))
    expect(errors).toEqual([])
    // One event for a room, however many handles it has.
    client.join('9')
    client.join('9')
    await vi.waitFor(() => expect(errors).toEqual([['forbidden', expect.stringContaining("Room '9'")]]))
    await client.join('42').ready
  })

  it('tries again after a refusal that is retryable, and holds back no other message meanwhile', async () => {
    const { app, connect } = await start(transport)
    let open = false
    authorize(app, (action) => {
      if (action === 'join' && !open) throw new RookeryError('auth_unavailable')
      return true
    })
    const client = connect('ada')
    const room = client.join('42')
    const states = recordStates((listener) => room.onState(listener))
    await vi.waitFor(() => expect(states).toContain('joining: auth_unavailable'))
    expect(await client.call('echo', 1)).toBe(1)
    expect(room.error?.code).toBe('auth_unavailable')
    open = true
    await room.ready
    expect([states.at(-1), room.error]).toEqual(['joined', undefined])
  })

  it('counts the handles of one room: the client leaves with the last one', async () => {
    const { connect, sessionOf } = await start(transport)
    const client = connect('ada')
    const [one, other] = [client.join('42'), client.join('42')]
    await Promise.all([one.ready, other.ready])
    const third = client.join('42')
    expect(third.state).toBe('joined')
    one.leave()
    third.leave()
    expect(await other.call('say', 1)).toBe('42')
    other.leave()
    await vi.waitFor(() => expect(sessionOf('ada').rooms.size).toBe(0))
    expect(await client.join('42').call('say', 2)).toBe('42')
  })

  it('can be left while the join is under way, and joined again', async () => {
    const { app, connect, sessionOf } = await start(transport)
    authorize(app, async () => true)
    const client = connect('ada')
    await untilOpen(client)
    for (let round = 0; round < 5; round++) {
      const room = client.join('42')
      const left = expect(room.ready).rejects.toMatchObject({ code: 'aborted' })
      room.leave()
      await left
    }
    const last = client.join('42')
    const gone = client.join('7')
    await Promise.resolve()
    gone.leave()
    expect(await last.call('say', 1)).toBe('42')
    await vi.waitFor(() => expect([...sessionOf('ada').rooms]).toEqual(['42']))
  })

  it('fails when the server closes the room or removes the session, and does not come back', async () => {
    const { connect, sessionOf, rooms } = await start(transport)
    const client = connect('ada')
    const [closed, removed] = [client.join('42'), client.join('7')]
    const reasons = [closed, removed].map((room) => recordStates((listener) => room.onState(listener)))
    const told: unknown[] = []
    closed.on('closed', (payload) => told.push(payload))
    await Promise.all([closed.ready, removed.ready])
    await rooms.close('42')
    rooms.leave(sessionOf('ada'), '7', new RookeryError('banned', 'Bye'))
    await vi.waitFor(() =>
      expect(reasons.map((states) => states.at(-1))).toEqual(['failed: room_closed', 'failed: banned']),
    )
    expect(told).toMatchObject([{ room: '42', error: { code: 'room_closed' } }])
    await cut(client, sessionOf('ada'))
    await untilOpen(client)
    expect(await client.call('echo', 1)).toBe(1)
    expect([...sessionOf('ada').rooms]).toEqual([])
  })

  it('ends with close(), and refuses names that no room can have', async () => {
    const { app, connect } = await start(transport)
    const client = connect('ada')
    const rooms = ['42', '7'].map((name) => client.join(name))
    const never = client.join('8')
    await Promise.all(rooms.map(({ ready }) => ready))
    for (const name of ['', 'a/b', '*', '$x', 'a b', 'x'.repeat(65), 7, undefined])
      expect(() => client.join(name as string)).toThrow(expect.objectContaining({ code: 'invalid_room' }))
    never.leave()
    client.close()
    expect([...rooms, never].map(({ state }) => state)).toEqual(['left', 'left', 'left'])
    expect(() => client.join('42')).toThrow(expect.objectContaining({ code: 'client_closed' }))
    await vi.waitFor(() => expect(app.usage).toMatchObject({ sessions: 0, patterns: 0 }))
  })
})
