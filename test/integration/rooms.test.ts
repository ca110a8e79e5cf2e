import { RookeryError } from 'rookery'
import { Rooms, rooms } from 'rookery/rooms'
import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'

const member = (name: string) => ({ id: name, name })

const startRooms = async (options?: Parameters<typeof rooms>[0]) => {
  const started = await startApp({ plugins: [rooms(options)] })
  return { ...started, rooms: started.app.scope.get(Rooms) }
}

describe('a room', () => {
  it('delivers everything under rooms/<room>/* to its members only', async () => {
    verifies('delivery.rooms.messages')
    const { url, app } = await startRooms()
    const ada = await connectBare(url, '?username=ada&roomID=42')
    const bob = await connectBare(url, '?username=bob&roomID=7')
    await app.publish('rooms/42/a/deep/topic', 1)
    await app.publish('rooms/7/messages', 2)
    await ada.until(({ topic }) => topic === 'rooms/42/a/deep/topic')
    await bob.until(({ topic }) => topic === 'rooms/7/messages')
    expect(ada.on('rooms/7/messages')).toEqual([])
    expect(bob.on('rooms/42/a/deep/topic')).toEqual([])
  })

  it('tells its members who joins, who leaves and why', async () => {
    const { url } = await startRooms()
    const ada = await connectBare(url, '?username=ada&roomID=42')
    const bob = await connectBare(url, '?username=bob')
    await bob.ask({ topic: 'room/join', payload: { room: '42' } })
    await bob.ask({ topic: 'room/leave', payload: { room: '42' } })
    await bob.ask({ topic: 'room/join', payload: { room: '42' } })
    bob.socket.terminate()
    await vi.waitFor(() => expect(ada.on('rooms/42/left')).toHaveLength(2))
    expect(ada.on('rooms/42/joined')).toEqual([
      { room: '42', member: member('ada') },
      { room: '42', member: member('bob') },
      { room: '42', member: member('bob') },
    ])
    expect(ada.on('rooms/42/left')).toEqual([
      { room: '42', member: member('bob'), reason: 'left' },
      { room: '42', member: member('bob'), reason: 'disconnected' },
    ])
  })

  it('lists its members only for its members', async () => {
    const { url, rooms } = await startRooms()
    const ada = await connectBare(url, '?username=ada')
    const bob = await connectBare(url, '?username=bob&roomID=42')
    expect((await ada.ask({ topic: 'room/members', payload: { room: '42' } })).error.code).toBe('not_in_room')
    expect((await ada.ask({ topic: 'room/members' })).error.code).toBe('not_in_room')
    const joined = await ada.ask({ topic: 'room/join', payload: { room: '42' } })
    expect(joined.payload).toEqual({
      room: '42',
      members: [member('bob'), member('ada')],
      total: 2,
      missing: [],
    })
    expect((await bob.ask({ topic: 'room/members' })).payload).toEqual(joined.payload)
    expect(await rooms.members('42')).toEqual({ items: [member('bob'), member('ada')], missing: [] })
    expect(await rooms.members('nowhere')).toEqual({ items: [], missing: [] })
  })

  it('ends with its last member, and publishes each change on the bus', async () => {
    const { url, app, rooms } = await startRooms()
    const heard: string[] = []
    app.bus.subscribe('rooms/*', ({ topics }) => heard.push(...topics))
    const ada = await connectBare(url, '?username=ada&roomID=42')
    expect(rooms.list()).toEqual(['42'])
    ada.socket.close()
    await vi.waitFor(() => expect(heard).toEqual(['rooms/42/joined', 'rooms/42/left', 'rooms/42/ended']))
    expect(rooms.list()).toEqual([])
    expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 })
  })

  it('sends no messages to a client that has left, unless the client has subscribed itself', async () => {
    const { url, app } = await startRooms()
    const ada = await connectBare(url, '?username=ada&roomID=42')
    await ada.ask({ type: 'subscribe', topics: ['rooms/42/*'] })
    await ada.ask({ topic: 'room/leave' })
    await app.publish('rooms/42/x', 'still subscribed')
    await ada.until(({ topic }) => topic === 'rooms/42/x')
    await ada.ask({ type: 'unsubscribe', topics: ['rooms/42/*'] })
    expect(app.usage.patterns).toBe(0)
  })

  it('has no member that has closed: close hooks that run later see the session in no room', async () => {
    const { url, app } = await startRooms()
    const seen: unknown[] = []
    app.sessions.onClose(async (session) => {
      seen.push([...session.rooms], app.sessions.find({ room: '42' }).length)
      seen.push(await app.send({ room: '42' }, 'late').catch(({ code }) => code))
      app.sessions.enterRoom(session, '42')
      seen.push(app.sessions.find({ room: '42' }).length)
    })
    const ada = await connectBare(url, '?username=ada&roomID=42')
    expect(app.sessions.find({ room: '42' })).toHaveLength(1)
    ada.socket.terminate()
    await vi.waitFor(() => expect(seen).toEqual([[], 0, 'not_connected', 0]))
  })

  it('accepts names that are valid topic segments and rejects others', async () => {
    const { url } = await startRooms()
    const ada = await connectBare(url, '?username=ada')
    for (const room of ['', ' ', 'a/b', '*', '$x', 'x'.repeat(65), 7, null, {}]) {
      expect((await ada.ask({ topic: 'room/join', payload: { room } })).error.code).toBe('invalid_room')
    }
    expect((await ada.ask({ topic: 'room/join', payload: { room: 'Zürich-🎉' } })).payload.room).toBe(
      'Zürich-🎉',
    )
    for (const query of ['?roomID=a%2Fb', `?username=${'x'.repeat(65)}`, '?username=a%00b']) {
      const refused = new BareClient(`${url}/api/v1/ws${query}`)
      expect((await refused.untilClosed()).reason).toMatch(/^invalid_(room|handshake)$/)
      expect(refused.frames).toMatchObject([{ type: 'close', reconnectAfter: null }])
    }
  })

  it('uses the user of another authentication hook instead of the query, whatever the order of the hooks', async () => {
    const { url, app } = await startRooms()
    app.sessions.onAuthenticate(({ headers }) => (headers.cookie ? { id: 'u1', name: 'Ada' } : undefined))
    app.sessions.onAuthenticate(({ headers }) => (headers.from ? null : undefined))
    const user = async (headers: Record<string, string>) =>
      (await connectBare(url, '?username=mallory', { headers })).frames[0]?.user
    expect(await user({ cookie: 'x' })).toEqual({ id: 'u1', name: 'Ada' })
    expect(await user({ from: 'nobody' })).toBeNull()
    expect(await user({})).toEqual(member('mallory'))
  })

  it('rejects a session that is in too many rooms', async () => {
    const { url } = await startRooms({ maxRooms: 2 })
    const ada = await connectBare(url, '?username=ada&roomID=1')
    await ada.ask({ topic: 'room/join', payload: { room: '2' } })
    expect((await ada.ask({ topic: 'room/join', payload: { room: '3' } })).error.code).toBe('too_many_rooms')
    expect((await ada.ask({ topic: 'room/join', payload: { room: '2' } })).error).toBeUndefined()
  })

  it('gives each guest without a name an id of its own', async () => {
    const { url } = await startRooms()
    const one = await connectBare(url, '?roomID=42')
    await connectBare(url, '?roomID=42')
    const { members } = (await one.ask({ topic: 'room/members' })).payload
    expect(members).toEqual([
      { id: expect.stringMatching(/^\$guest-[0-9a-f]{32}$/), name: 'Guest' },
      { id: expect.stringMatching(/^\$guest-[0-9a-f]{32}$/), name: 'Guest' },
    ])
    expect(members[0].id).not.toBe(members[1].id)
  })
})

describe('the same user twice in a room', () => {
  it('is one member with two devices by default', async () => {
    const { url, rooms } = await startRooms()
    const bob = await connectBare(url, '?username=bob&roomID=42')
    const phone = await connectBare(url, '?username=ada&roomID=42')
    const laptop = await connectBare(url, '?username=ada&roomID=42')
    expect((await rooms.members('42')).items).toEqual([member('bob'), member('ada')])
    phone.socket.close()
    await vi.waitFor(() => expect(phone.closed).toBeDefined())
    await rooms.broadcast('42', 'messages', 'to the laptop')
    await laptop.until(({ topic }) => topic === 'rooms/42/messages')
    expect(bob.on('rooms/42/left')).toEqual([])
    laptop.socket.close()
    await vi.waitFor(() => expect(bob.on('rooms/42/left')).toHaveLength(1))
    expect(bob.on('rooms/42/joined')).toHaveLength(2)
  })

  it('is rejected with `name_taken` under members: reject', async () => {
    const { url } = await startRooms({ members: 'reject' })
    await connectBare(url, '?username=ada&roomID=42')
    const second = new BareClient(`${url}/api/v1/ws?username=ada&roomID=42`)
    expect(await second.untilClosed()).toEqual({ code: 4409, reason: 'name_taken' })
    const third = await connectBare(url, '?username=ada')
    expect((await third.ask({ topic: 'room/join', payload: { room: '42' } })).error.code).toBe('name_taken')
  })

  it('replaces the older connection under members: replace, without a message to the other members', async () => {
    const { url, app } = await startRooms({ members: 'replace' })
    const bob = await connectBare(url, '?username=bob&roomID=42')
    const older = await connectBare(url, '?username=ada&roomID=42')
    const newer = await connectBare(url, '?username=ada&roomID=42')
    expect(await older.untilClosed()).toEqual({ code: 4409, reason: 'replaced' })
    expect(older.frames.at(-1)).toMatchObject({ type: 'close', reconnectAfter: null })
    await app.publish('rooms/42/messages', 1)
    await newer.until(({ topic }) => topic === 'rooms/42/messages')
    expect(bob.on('rooms/42/left')).toEqual([])
    expect(bob.on('rooms/42/joined')).toHaveLength(2)
  })
})

describe('a server', () => {
  it('closes a room: its members are told and removed, and stay connected', async () => {
    const { url, rooms, app } = await startRooms()
    const ada = await connectBare(url, '?username=ada&roomID=42')
    const bob = await connectBare(url, '?username=bob&roomID=42')
    expect(await rooms.close('42', new RookeryError('room_closed', 'Time is up'))).toBe(2)
    expect(await rooms.close('42')).toBe(0)
    const closed = { room: '42', error: { code: 'room_closed', message: 'Time is up' } }
    await bob.until(({ topic }) => topic === 'rooms/42/closed')
    expect(ada.on('rooms/42/closed')).toEqual([closed])
    expect(ada.on('rooms/42/left')).toEqual([])
    expect((await ada.ask({ topic: 'room/members' })).error.code).toBe('not_in_room')
    expect(app.usage).toMatchObject({ sessions: 2, patterns: 0, nodes: 0 })
  })

  it('disconnects all connections of a user, and their clients do not reconnect', async () => {
    const { url, app } = await startRooms()
    const phone = await connectBare(url, '?username=ada&roomID=42')
    const laptop = await connectBare(url, '?username=ada')
    const bob = await connectBare(url, '?username=bob&roomID=42')
    expect(await app.sessions.disconnect({ user: 'ada' }, new RookeryError('forbidden', 'Banned'))).toBe(2)
    for (const client of [phone, laptop]) {
      expect(await client.untilClosed()).toEqual({ code: 4403, reason: 'forbidden' })
      expect(client.frames.at(-1)).toMatchObject({
        type: 'close',
        reconnectAfter: null,
        error: { message: 'Banned' },
      })
    }
    await bob.until(({ topic }) => topic === 'rooms/42/left')
  })

  it('with announce: false tells the listeners of the bus of a join, and no client', async () => {
    const { url, app } = await startRooms({ announce: false })
    const heard: string[] = []
    app.bus.subscribe('rooms/*', ({ topics }) => heard.push(...topics))
    const ada = await connectBare(url, '?username=ada&roomID=42')
    const bob = await connectBare(url, '?username=bob&roomID=42')
    await bob.ask({ topic: 'room/leave' })
    await app.publish('rooms/42/last')
    await ada.until(({ topic }) => topic === 'rooms/42/last')
    expect(heard).toEqual(['rooms/42/joined', 'rooms/42/joined', 'rooms/42/left', 'rooms/42/last'])
    expect(ada.frames.filter(({ topic }) => topic).map(({ topic }) => topic)).toEqual(['rooms/42/last'])
  })
})
