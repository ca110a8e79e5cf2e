import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { HttpServer } from 'rookery/http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { open } from '../support/raw-socket.ts'
import { RawWebSocket } from '../support/raw-websocket.ts'
import { closeWithTest, createFullApp, listening, ownListener, urlOf } from '../support/server-kinds.ts'

/** A server of node:http that belongs to the user. */
const openServer = async (): Promise<Server> => {
  const server = await listening(createServer(ownListener))
  closeWithTest(server)
  return server
}

describe('upgrade requests', () => {
  it('that no listener of the user’s server answers are closed after ten seconds, and may be reset before', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const server = await openServer()
    // As the hot reload of a development server: it answers upgrades on its own path, and ignores others.
    const seen: string[] = []
    server.on('upgrade', ({ url }) => seen.push(url as string))
    const { app } = createFullApp({ server })
    await app.start()
    const url = urlOf(server)
    const [patient, impatient] = [open(url), open(url)]
    for (const { socket } of [patient, impatient]) socket.write(RawWebSocket.request(url, '/nope'))
    while (seen.length < 2) await new Promise((resolve) => setImmediate(resolve))
    impatient.socket.resetAndDestroy()
    const closed = once(patient.socket, 'close')
    await vi.advanceTimersByTimeAsync(9_000)
    expect(patient.socket.destroyed).toBe(false)
    await vi.advanceTimersByTimeAsync(1_001)
    await closed
    expect(patient.text()).toBe('')
    expect(seen).toEqual(['/nope', '/nope'])
  })

  it('to unknown paths of the built-in server are answered at once, also among many and after resets', async () => {
    const { app } = createFullApp({ port: 0, hostname: '127.0.0.1' })
    await app.start()
    const { url, server } = app.scope.get(HttpServer)
    for (let round = 0; round < 10; round++) {
      const peers = Array.from({ length: 30 }, () => open(url))
      await Promise.all(
        peers.map(async ({ socket, text }, index) => {
          socket.write(RawWebSocket.request(url, '/nope'))
          if (index % 2 === 0) await vi.waitFor(() => expect(text()).toMatch(/^HTTP\/1.1 404/))
          socket.resetAndDestroy()
        }),
      )
    }
    await vi.waitFor(async () => {
      expect(await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))).toBe(0)
    })
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('keep the bytes that arrive in one piece with them', async () => {
    const seen: unknown[] = []
    const { app } = createFullApp(
      { port: 0, hostname: '127.0.0.1' },
      { limits: { messageRate: 10_000, messageBurst: 10_000 } },
    )
    app.handle('count', (_ctx, payload) => void seen.push(payload))
    await app.start()
    const { url } = app.scope.get(HttpServer)
    const frame = (count: number) => {
      const body = Buffer.from(JSON.stringify({ topic: 'count', payload: count }))
      return Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), body])
    }
    const { socket, text } = open(url)
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await vi.waitFor(() => expect(text()).toContain('{"status":"ok"}'))
    const frames = Array.from({ length: 1000 }, (_, count) => frame(count))
    socket.write(Buffer.concat([Buffer.from(RawWebSocket.request(url)), ...frames]))
    await vi.waitFor(() => expect(seen).toHaveLength(1000))
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, count) => count))
  })
})
