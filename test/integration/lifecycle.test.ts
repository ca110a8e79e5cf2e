import { createApp, definePlugin, RookeryError, stopOnSignals } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { rooms } from 'rookery/rooms'
import { websocket } from 'rookery/websocket'
import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'
import { deferred } from '../support/deferred.ts'
import { RawWebSocket } from '../support/raw-websocket.ts'

describe('app.stop', () => {
  it('lets handlers finish, tells each client when to reconnect, and delivers messages sent before', async () => {
    const stopBegun = deferred()
    verifies('protocol.closing.reconnect-after-random', 'delivery.end.stop')
    const { url, app } = await startApp({
      prepare: (app) => {
        app.handle('slow', async (ctx) => {
          await stopBegun.promise
          await ctx.publish('news', 'last words')
          return 'done'
        })
      },
    })
    const clients = await Promise.all(Array.from({ length: 20 }, () => connectBare(url)))
    await Promise.all(clients.map((client) => client.ask({ type: 'subscribe', topics: ['news'] })))
    const replies = clients.map((client) => client.ask({ topic: 'slow' }))
    // Replies arrive in order: when each client has the answer to its second call, the first call has been received.
    await Promise.all(clients.map((client) => client.ask({ topic: 'nobody' })))
    const stopping = app.stop()
    stopBegun.resolve()
    expect(app.stop()).toBe(stopping)
    expect((await Promise.all(replies)).map(({ payload }) => payload)).toEqual(Array(20).fill('done'))
    await stopping
    for (const client of clients) {
      await client.untilClosed()
      expect(client.on('news')).toHaveLength(20)
      expect(client.frames.at(-1)).toMatchObject({ type: 'close', error: { code: 'shutting_down' } })
      expect(client.closed).toEqual({ code: 1001, reason: 'shutting_down' })
    }
    const waits = clients.map((client) => client.frames.at(-1)?.reconnectAfter as number)
    expect(Math.max(...waits)).toBeLessThanOrEqual(5000)
    expect(new Set(waits).size).toBeGreaterThan(10)
  })

  it('ends within its time limit under load, even if peers neither read nor close', async () => {
    const { url, app } = await startApp({ stopTimeout: 2000, websocket: { closeTimeout: 300 } })
    const stuck = await RawWebSocket.connect(url)
    stuck.text('{"type":"subscribe","topics":["big"],"id":1}')
    await stuck.until(({ id }) => id === 1)
    stuck.pause()
    const client = await connectBare(url)
    await client.ask({ type: 'subscribe', topics: ['big'] })
    const publishing = setInterval(() => void app.publish('big', 'x'.repeat(10_000)), 1)
    try {
      await vi.waitFor(() => expect(client.on('big').length).toBeGreaterThan(20))
      await app.stop()
    } finally {
      clearInterval(publishing)
    }
    expect(app.state).toBe('stopped')
    expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 })
    await expect(fetch(url)).rejects.toThrow()
  })

  it('leaves no resource that keeps the process alive', async () => {
    const before = process
      .getActiveResourcesInfo()
      .filter((kind) => kind !== 'Timeout' && kind !== 'Immediate').length
    const app = createApp({ logger: 'silent', plugins: [http({ port: 0 }), websocket(), rooms()] })
    await app.start()
    const client = await connectBare(app.scope.get(HttpServer).url, '?username=ada&roomID=42')
    await app.stop()
    await client.untilClosed()
    await vi.waitFor(() => {
      const after = process
        .getActiveResourcesInfo()
        .filter((kind) => kind !== 'Timeout' && kind !== 'Immediate')
      expect(after.length).toBeLessThanOrEqual(before)
    })
  })

  it('runs on signals, and removes its signal listeners', async () => {
    const stop = vi.fn(async () => {})
    const take = stopOnSignals({ stop }, ['SIGUSR2'])
    expect(process.listenerCount('SIGUSR2')).toBe(1)
    process.kill(process.pid, 'SIGUSR2')
    await vi.waitFor(() => expect(stop).toHaveBeenCalledOnce())
    expect(process.listenerCount('SIGUSR2')).toBe(0)
    take()
  })
})

describe('app.start', () => {
  it('stops the started plugins if a plugin fails, and names that plugin and its stage', async () => {
    const stopped: string[] = []
    const probe = definePlugin({ name: 'probe', start: () => {}, stop: () => void stopped.push('probe') })
    const broken = definePlugin({
      name: 'broken',
      start: () => Promise.reject(new Error('no database')),
      stop: () => void stopped.push('broken'),
    })
    const app = createApp({ logger: 'silent', plugins: [probe, http({ port: 0 }), broken, websocket()] })
    await expect(app.start()).rejects.toMatchObject({
      code: 'plugin_failed',
      message: "Plugin 'broken' failed at start: no database",
    })
    expect(stopped).toEqual(['broken', 'probe'])
    expect(app.state).toBe('stopped')
    await app.stop()
    expect(stopped).toEqual(['broken', 'probe'])
  })

  it('is refused after stop, and returns the same promise when called twice', async () => {
    const app = createApp({ logger: 'silent' })
    expect(app.start()).toBe(app.start())
    expect(await app.start()).toBe(app)
    await app.stop()
    const never = createApp({ logger: 'silent' })
    await never.stop()
    await expect(never.start()).rejects.toMatchObject({ code: 'app_stopped' })
  })

  it('needs http for websocket, and the error says what to add', () => {
    expect(() => createApp({ plugins: [websocket()] })).toThrow(
      expect.objectContaining({
        code: 'missing_requirement',
        message:
          "Plugin 'websocket' requires HttpServer, which no plugin provides; add http() from 'rookery/http' to the plugins",
      }),
    )
  })
})

describe('session hooks', () => {
  it('identify a peer, refuse it, run at its close, and can be removed', async () => {
    const { url, app } = await startApp({ plugins: [rooms()] })
    const closed: (string | undefined)[] = []
    app.sessions.onAuthenticate(({ headers }) =>
      headers.cookie ? { id: 'u1', name: 'Ada', role: 'admin' } : undefined,
    )
    const off = app.sessions.onOpen((session) => {
      if (session.user?.id === 'u1') throw new RookeryError('banned', 'Not you')
    })
    app.sessions.onClose((session, error) => closed.push(`${session.user?.id} ${error?.code}`))
    const refused = new BareClient(`${url}/api/v1/ws`, { headers: { cookie: 'x' } })
    expect(await refused.untilClosed()).toEqual({ code: 4400, reason: 'banned' })
    off()
    const ada = await connectBare(url, '?roomID=42', { headers: { cookie: 'x' } })
    expect(ada.frames[0]?.user).toEqual({ id: 'u1', name: 'Ada' })
    ada.socket.close()
    await vi.waitFor(() => expect(closed).toEqual(['u1 banned', 'u1 undefined']))
  })

  it('that throw refuse the peer with `internal` and hide the reason', async () => {
    const { url, app, lines } = await startApp()
    app.sessions.onOpen(() => {
      throw new Error('secret')
    })
    const refused = new BareClient(`${url}/api/v1/ws`)
    expect(await refused.untilClosed()).toEqual({ code: 1011, reason: 'internal' })
    expect(refused.frames).toMatchObject([{ type: 'close', error: { code: 'internal' } }])
    expect(JSON.stringify(refused.frames)).not.toContain('secret')
    expect(lines.find(({ stage }) => stage === 'handshake')).toMatchObject({ level: 'error' })
    expect(app.sessions.size).toBe(0)
  })
})
