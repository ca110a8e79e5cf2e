import { once } from 'node:events'
import { get } from 'node:https'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { UPGRADE } from '../support/upgrade-answer.ts'
import { startApp } from './apps.ts'
import { ask, bySse, byWebSocket, CLIENT_ADDRESS, openClient, openSocketIo } from './clients.ts'
import type { Program } from './programs.ts'
import { PROXIES } from './proxies.ts'
import { startProxy } from './proxy.ts'

// The tests use a self-signed certificate.
beforeAll(() => void vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0'))
afterAll(() => void vi.unstubAllEnvs())

describe.each(PROXIES)('behind $name', (proxy) => {
  let app: Program
  beforeAll(async () => {
    app = await startApp()
  })
  afterAll(() => app.stop())

  const start = async (change?: (config: string) => string) => {
    const running = await startProxy(proxy, [app.port], change)
    onTestFinished(() => running.stop())
    return running
  }

  it('WebSocket works, and a session has the address of its client', async () => {
    const { url } = await start()
    const client = await openClient(url, byWebSocket())
    expect(await client.call('echo', { text: 'ä€😀' })).toEqual({ text: 'ä€😀' })
    expect(await client.call('where')).toMatchObject({ address: CLIENT_ADDRESS })
  })

  it('server-sent events arrive as they are sent, and what the client sends is applied', async () => {
    const { url } = await start()
    const client = await openClient(url, bySse())
    const heard: unknown[] = []
    await client.subscribe('news/*', (payload) => void heard.push(payload)).ready
    // Each message is sent when the one before has arrived: a proxy that holds messages back fails the test.
    for (let count = 1; count <= 20; count++) {
      await client.call('publish', count)
      await vi.waitFor(() => expect(heard).toHaveLength(count), { interval: 5 })
    }
    expect(heard).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  })

  it('a stream of server-sent events begins at once, and its session has the address of its client', async () => {
    const { url } = await start()
    const options = {
      localAddress: CLIENT_ADDRESS,
      agent: false,
      headers: { 'x-forwarded-for': '192.0.2.66' },
    }
    const asking = get(`${url}/api/v1/sse`, options)
    onTestFinished(() => void asking.destroy())
    const [response] = await once(asking, 'response')
    let text = ''
    response.on('data', (data: Buffer) => {
      text += data
    })
    const session = await vi.waitFor(() => {
      const welcome = /"session":"([^"]+)"/.exec(text)
      expect(welcome).not.toBeNull()
      return welcome?.[1]
    })
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ topic: 'where', id: 1 })
    expect((await ask(`${url}/api/v1/sse/${session}`, { method: 'POST', headers, body })).status).toBe(200)
    await vi.waitFor(() => expect(text).toContain(`"address":"${CLIENT_ADDRESS}"`))
  })

  it.each(['polling', 'websocket'] as const)('Socket.IO works by %s', async (transport) => {
    const { url } = await start()
    const socket = await openSocketIo(url, transport)
    expect(await socket.emitWithAck('echo', 'hello')).toBe('hello')
    const message = new Promise((resolve) => socket.once('news/1', resolve))
    await socket.emitWithAck('subscribe', 'news/*')
    socket.emit('publish', 'now')
    expect(await message).toBe('now')
  })

  it('routes answer, and uploads pass', async () => {
    const { url } = await start()
    expect((await ask(`${url}/hello`)).status).toBe(200)
    const body = Buffer.alloc(1_000_000, 'x')
    const upload = await ask(`${url}/notes`, { method: 'POST', body })
    expect(upload).toMatchObject({ status: 200, text: expect.stringMatching(/ 1000000$/) })
  })

  it.each([
    ['Host', undefined],
    ['X-Forwarded-Host', proxy.rewriteHost],
  ])('pages of the public address may connect, by %s; others may not', async (_header, change) => {
    const { url, port } = await start(change)
    const upgrade = async (origin: string) =>
      (await ask(`${url}/api/v1/ws`, { headers: { ...UPGRADE, origin } })).status
    const stream = async (origin: string, headers = {}) =>
      (await ask(`${url}/api/v1/sse?mode=poll`, { headers: { ...headers, origin } })).status
    for (const [connect, accepted] of [
      [upgrade, 101],
      [stream, 200],
    ] as const) {
      expect(await connect(url)).toBe(accepted)
      expect(await connect(`http://127.0.0.1:${port}`)).toBe(403)
      expect(await connect('https://127.0.0.1')).toBe(403)
      expect(await connect('https://page.example')).toBe(403)
    }
    // A page may set these headers.
    const forged = { 'x-forwarded-host': 'page.example', forwarded: 'host=page.example;proto=https' }
    expect(await stream('https://page.example', forged)).toBe(403)
  })
})
