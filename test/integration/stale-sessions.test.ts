import { type App, RookeryError } from 'rookery'
import type { Client } from 'rookery/client'
import { type RoomsOptions, rooms } from 'rookery/rooms'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { clientBy } from '../support/client-transports.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import {
  ask,
  closedWith,
  connectBy,
  startThree,
  TRANSPORTS,
  until,
  welcomeBy,
} from '../support/three-transports.ts'

const start = async (options?: RoomsOptions) => {
  const { app, url, lines } = await startThree({ plugins: [rooms(options)] })
  const proxy = await TcpProxy.before(Number(new URL(url).port))
  onTestFinished(() => proxy.close())
  return { app, url, lines, proxy, far: `http://127.0.0.1:${proxy.port}` }
}

/** The session ids of a user. */
const sessionsOf = (app: App, user: string) => app.sessions.find({ user }).map(({ id }) => id)

/** Makes the client notice that it has lost its network: a real one notices after a time. */
const untilSession = (client: Client, other: string | null) =>
  vi.waitFor(() => expect([client.state, client.session === other]).toEqual(['open', false]), {
    timeout: 10_000,
    interval: 5,
  })

const secretOf = async (transport: string, url: string, params: Record<string, string>) => {
  const peer = await welcomeBy(transport, url, params)
  const { secret, session } = peer.frames[0] as { secret: string; session: string }
  return { peer, secret, session }
}

// A client over server-sent events resumes its session: test/integration/client-sse.test.ts.
const RECONNECTING = TRANSPORTS.filter((transport) => transport !== 'sse')

describe.each(RECONNECTING)('a client that changes its network, over %s', (transport) => {
  it.each(['allow', 'reject', 'replace'] as const)(
    'replaces its stale session at once, with members: %s',
    async (members) => {
      verifies('protocol.previous.replaces', 'protocol.previous.order')
      const { app, far, url, proxy } = await start({ members })
      const watcher = clientBy('websocket', url, { params: { username: 'eve' } }).join('42')
      const told: string[] = []
      for (const what of ['joined', 'left'])
        watcher.on<{ member: { id: string } }>(what, ({ member }) => told.push(`${what} ${member.id}`))
      await watcher.ready
      const closed: unknown[] = []
      app.sessions.onClose(async ({ user }, error) => {
        await new Promise(setImmediate)
        closed.push([user?.id, error?.code])
      })
      const opened: number[] = []
      app.sessions.onOpen(() => void opened.push(closed.length))
      const client = clientBy(transport, far, { params: { username: 'ada', roomID: '42' } })
      const room = client.join('42')
      await room.ready
      const stale = client.session
      proxy.abandon()
      await untilSession(client, stale)
      await vi.waitFor(() => expect(room.state).toBe('joined'))
      expect(sessionsOf(app, 'ada')).toEqual([client.session])
      expect(closed).toEqual([['ada', 'replaced']])
      // The close hooks of the stale session had settled when the new one opened.
      expect(opened).toEqual([0, 1])
      expect((await room.members()).members.map(({ id }) => id)).toEqual(['eve', 'ada'])
      await vi.waitFor(() => expect(told).toEqual(['joined eve', 'joined ada', 'left ada', 'joined ada']))
    },
  )
})

describe.each(TRANSPORTS)('a client whose name is taken in a room, over %s', (transport) => {
  it('is refused with `name_taken` without the secret, and may come back for as long as the session could be stale', async () => {
    verifies('protocol.previous.name-taken')
    const { app, url } = await start({ members: 'reject' })
    const params = { username: 'ada', roomID: '42' }
    const { session } = await secretOf(transport, url, params)
    const client = clientBy(transport, url, { params })
    const waits: unknown[] = []
    client.on('state', (state, { retryIn }) => {
      if (state === 'waiting') waits.push(retryIn)
    })
    await vi.waitFor(() => expect(waits).not.toEqual([]))
    expect(client.state).not.toBe('closed')
    await app.sessions.disconnect({ session })
    client.connect()
    await vi.waitFor(() => expect(client.state).toBe('open'), { timeout: 10_000 })
  })
})

describe.each(TRANSPORTS)('the secret of a session, over %s', (transport) => {
  it('is in welcome, and a new session that presents it replaces the session', async () => {
    verifies('protocol.previous.replaces', 'protocol.previous.once')
    const { app, url } = await start()
    const { peer, secret, session } = await secretOf(transport, url, { username: 'ada' })
    const next = await secretOf(transport, url, { username: 'ada', previous: secret })
    expect(await closedWith(peer)).toBe('replaced')
    expect(sessionsOf(app, 'ada')).toEqual([next.session])
    const again = await secretOf(transport, url, { username: 'ada', previous: secret })
    expect(next.session).not.toBe(session)
    expect(sessionsOf(app, 'ada')).toEqual([next.session, again.session])
  })

  it('is ignored if it is wrong, unknown, too long, or of another user', async () => {
    verifies('protocol.previous.ignored')
    const { app, url } = await start()
    const { peer, secret, session } = await secretOf(transport, url, { username: 'ada' })
    const other = `${session}.${'0'.repeat(32)}`
    for (const previous of [
      other,
      secret.slice(0, -1),
      `${secret}0`,
      session,
      `${session}.`,
      '.',
      '-',
      '',
      'x'.repeat(500),
      app.cluster.node,
    ]) {
      await welcomeBy(transport, url, { username: 'ada', previous })
    }
    await welcomeBy(transport, url, { username: 'bob', previous: secret })
    await welcomeBy(transport, url, { previous: secret })
    expect(await ask(peer, { topic: 'echo', payload: 1 })).toBe(1)
    expect(peer.closed).toBeUndefined()
  })

  it('is neither shown to hooks in the query, nor logged, nor sent to other clients', async () => {
    verifies('protocol.previous.secret')
    const { app, url, lines } = await start({ members: 'reject' })
    const queries: string[] = []
    app.sessions.onAuthenticate(({ query }) => void queries.push(`${query}`))
    app.sessions.onOpen((_session, { query }) => {
      queries.push(`${query}`)
      if (query.has('fail')) throw new Error('a hook failed')
    })
    const eve = await welcomeBy('websocket', url, { username: 'eve', roomID: '42' })
    const { peer, secret } = await secretOf(transport, url, { username: 'ada', roomID: '42' })
    await connectBy(transport, url, { username: 'ada', roomID: '42', beside: secret, fail: '1' })
    await welcomeBy(transport, url, { username: 'ada', roomID: '42', beside: secret })
    await connectBy(transport, url, { username: 'ada', roomID: 'a b', previous: secret })
    expect(await closedWith(peer)).toBe('replaced')
    await app.publish('rooms/42/end')
    await until(eve, (frame) => (frame as { topic?: string }).topic === 'rooms/42/end')
    const random = secret.slice(secret.lastIndexOf('.') + 1)
    expect(random).toMatch(/^[0-9a-f]{32}$/)
    const seen = JSON.stringify([queries, lines, eve.frames], (_key, value) =>
      value instanceof Error ? [value.message, value.stack, `${value.cause}`] : value,
    )
    expect(seen).toContain('a hook failed')
    expect(seen).not.toContain(random)
  })

  it('lets a second session of the client stay beside the first one, in the same rooms', async () => {
    verifies('protocol.previous.beside')
    for (const members of ['reject', 'replace'] as const) {
      const { app, url } = await start({ members })
      const params = { username: 'ada', roomID: '42' }
      const first = await secretOf(transport, url, params)
      const second = await secretOf(transport, url, { ...params, beside: first.secret })
      expect(sessionsOf(app, 'ada')).toEqual([first.session, second.session])
      expect(app.sessions.find({ room: '42' })).toHaveLength(2)
      expect(await ask(second.peer, { topic: 'room/members' })).toMatchObject({ total: 1 })
      // Another client of the user gets no place.
      const stranger = await connectBy(transport, url, params)
      if (members === 'reject') {
        await vi.waitFor(() => expect(stranger.closed).toBeDefined())
        expect(app.sessions.find({ room: '42' })).toHaveLength(2)
      } else
        expect([await closedWith(first.peer), await closedWith(second.peer)]).toEqual([
          'replaced',
          'replaced',
        ])
    }
  })

  it('replaces a session whose close hooks never settle, after a second', async () => {
    const { app, url } = await start()
    app.sessions.onClose(() => new Promise(() => {}))
    const { peer, secret } = await secretOf(transport, url, { username: 'ada' })
    await secretOf(transport, url, { username: 'ada', previous: secret })
    expect(await closedWith(peer)).toBe('replaced')
    expect(new RookeryError('replaced').retryable).toBe(false)
  })
})
