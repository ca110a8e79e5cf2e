import { type Client, createClient, sse, websocket } from 'rookery/client'
import { Rooms, rooms } from 'rookery/rooms'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { clientBy } from '../support/client-transports.ts'
import { FaultyProxy } from '../support/proxy.ts'
import { startThree } from '../support/three-transports.ts'

const start = async (members: 'allow' | 'reject' | 'replace') => {
  const { app, url } = await startThree({
    plugins: [rooms({ members })],
    prepare: (app) => {
      app.handle('rooms/*/count', async (ctx, payload) => {
        await ctx.publish(`rooms/${ctx.room}/counted`, payload)
        return payload
      })
    },
  })
  const proxy = await FaultyProxy.listen(url, { upgrades: 403 })
  const client = createClient({
    url: proxy.url,
    params: { username: 'ada', roomID: 'lobby' },
    transports: [websocket({ WebSocket }), sse()],
    reconnect: { min: 5, max: 50 },
    upgrade: { min: 50, max: 200 },
  })
  onTestFinished(() => client.close())
  return { app, url, proxy, client, rooms: app.scope.get(Rooms) }
}

const untilOver = (client: Client, transport: string) =>
  vi.waitFor(() => expect([client.state, client.transport]).toEqual(['open', transport]), { timeout: 15_000 })

describe.each(['allow', 'reject', 'replace'] as const)(
  'a change of transport with members: %s',
  (members) => {
    it('keeps the client in its rooms: no call fails, no message is missing, and no member is told', async () => {
      const { app, url, proxy, client } = await start(members)
      const told: string[] = []
      const eve = clientBy('websocket', url, { params: { username: 'eve' } }).join('42')
      for (const what of ['joined', 'left'])
        eve.on<{ member: { id: string } }>(what, ({ member }) => told.push(`${what} ${member.id}`))
      await eve.ready
      const room = client.join('42')
      const states: string[] = []
      room.onState((state) => states.push(state))
      const heard: unknown[] = []
      room.on('counted', (payload) => heard.push(payload))
      await room.ready
      expect(client.transport).toBe('sse')
      const closes: unknown[] = []
      client.on('close', ({ error }) => closes.push(error.code))
      const answers: Promise<unknown>[] = []
      const busy = setInterval(() => answers.push(room.call('count', answers.length)), 5)
      onTestFinished(() => clearInterval(busy))
      await vi.waitFor(() => expect(heard.length).toBeGreaterThan(20))
      proxy.heal()
      await untilOver(client, 'websocket')
      const then = answers.length
      await vi.waitFor(() => expect(answers.length).toBeGreaterThan(then + 40))
      clearInterval(busy)
      const numbers = answers.map((_answer, index) => index)
      expect(await Promise.all(answers)).toEqual(numbers)
      await vi.waitFor(() => expect(heard).toEqual(numbers))
      await vi.waitFor(() => expect(app.sessions.find({ user: 'ada' })).toHaveLength(1))
      expect([states, closes]).toEqual([['joined'], []])
      expect([...(app.sessions.find({ user: 'ada' })[0]?.rooms ?? [])].sort()).toEqual(['42', 'lobby'])
      expect(told).toEqual(['joined eve', 'joined ada'])
    })
  },
)

describe('a room', () => {
  it('that is left while the transport changes is left on the server, too', async () => {
    const { app, proxy, client } = await start('reject')
    const [stays, goes] = [client.join('42'), client.join('7')]
    await Promise.all([stays.ready, goes.ready])
    const enterRoom = app.sessions.enterRoom.bind(app.sessions)
    vi.spyOn(app.sessions, 'enterRoom').mockImplementation((session, room) => {
      enterRoom(session, room)
      // The new connection has joined, and the client does not use it yet.
      if (session.transport === 'websocket' && room === '7') goes.leave()
    })
    proxy.heal()
    await untilOver(client, 'websocket')
    await vi.waitFor(() => expect(app.sessions.find({ room: '7' })).toEqual([]))
    expect(await stays.members()).toMatchObject({ total: 1 })
    expect([stays.state, goes.state]).toEqual(['joined', 'left'])
  })
})
