import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { fileURLToPath } from 'node:url'
import { HttpServer } from 'rookery/http'
import { sse } from 'rookery/sse'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { connectBare } from '../support/bare-client.ts'
import type { Load } from '../support/half-open.ts'
import { slowdown } from '../support/slowdown.ts'
import { SseReader } from '../support/sse-reader.ts'

const percentile = (values: number[], share: number): number =>
  values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] as number

/** Opens connections in a separate process that never finish their request. */
const openHalf = async (port: number, count: number) => {
  const path = fileURLToPath(new URL('../support/half-open.ts', import.meta.url))
  const child = fork(path, [String(port), String(count)], { execArgv: ['--import', 'tsx'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let load: Load = { open: 0, closed: 0, failed: 0 }
  child.on('message', (message: Load) => {
    load = message
  })
  const until = (fits: (load: Load) => boolean, timeout: number) =>
    vi.waitFor(() => expect(load).toSatisfy(fits), { timeout, interval: 50 })
  return { until, load: () => load }
}

/** Writes bytes to a connection. Resolves with the received bytes when the connection has ended. */
const talk = async (port: number, ...writes: string[]): Promise<string> => {
  const socket = createConnection(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.setEncoding('utf8').on('data', (data) => {
    text += data
  })
  socket.on('error', () => {})
  for (const write of writes) socket.write(write)
  await once(socket, 'close')
  return text
}

const portOf = (url: string): number => Number(new URL(url).port)

describe('ten thousand connections that never finish their request', () => {
  it('do not disturb a chat, and are all closed after the handshake timeout', async () => {
    const { url, app } = await startApp({ handshakeTimeout: '4s', plugins: [sse()] })
    app.handle('chat/send', (ctx, payload) => ctx.publish('chat/messages', payload))
    const early = await connectBare(url)
    await early.ask({ type: 'subscribe', topics: ['chat/*'] })
    const { server } = app.scope.get(HttpServer)
    const load = await openHalf(portOf(url), 10_000)
    await load.until(({ open, closed, failed }) => open + closed + failed === 10_000, 60_000)
    const began = performance.now()
    const connecting: number[] = []
    const chatting: number[] = []
    while (load.load().closed < 10_000 && performance.now() - began < 30_000) {
      const start = performance.now()
      const late = await connectBare(url)
      connecting.push(performance.now() - start)
      for (let round = 0; round < 10; round++) {
        const asked = performance.now()
        await late.ask({ topic: 'chat/send', payload: round })
        chatting.push(performance.now() - asked)
      }
      late.socket.terminate()
    }
    const { closed, failed } = load.load()
    const took = performance.now() - began
    const figures = {
      closed,
      failed,
      secondsUntilAllClosed: took / 1000,
      connects: connecting.length,
      connectP99: percentile(connecting, 0.99),
      chatP50: percentile(chatting, 0.5),
      chatP99: percentile(chatting, 0.99),
      chatMax: Math.max(...chatting),
    }
    console.log('half-open', figures)
    expect(figures).toMatchObject({ closed: 10_000, failed: 0 })
    // Four seconds, two more until Node notices, and a margin for a busy machine.
    expect(took).toBeLessThan(15_000 * slowdown())
    expect(figures.connectP99).toBeLessThan(2000 * slowdown())
    expect(figures.chatP99).toBeLessThan(500 * slowdown())
    await vi.waitFor(() => expect(early.on('chat/messages')).toHaveLength(chatting.length))
    await vi.waitFor(async () => {
      const count = await new Promise((resolve) => server.getConnections((_error, open) => resolve(open)))
      expect(count).toBeLessThan(5)
    })
  })
})

describe('requests', () => {
  it('whose headers are too large get 431, and do not affect others', async () => {
    const { url } = await startApp()
    const before = await connectBare(url)
    const headers = `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`
    expect(await talk(portOf(url), headers)).toMatch(/^HTTP\/1.1 431 /)
    const upgrade = `GET /api/v1/ws?${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n`
    expect(await talk(portOf(url), upgrade)).toMatch(/^HTTP\/1.1 431 /)
    expect((await before.ask({ topic: 'x' })).error.code).toBe('unknown_topic')
  })

  it('that are not HTTP get 400', async () => {
    const { url } = await startApp()
    expect(await talk(portOf(url), '\0\xff\u2028 not HTTP\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
  })

  it('whose body is too slow get 408 and are closed', async () => {
    const { url } = await startApp({ handshakeTimeout: 300, plugins: [sse()] })
    const reader = await SseReader.open(`${url}/api/v1/sse`)
    const { session } = await reader.until(({ type }) => type === 'welcome')
    const head = [
      `POST /api/v1/sse/${session} HTTP/1.1`,
      'Host: x',
      'Content-Type: application/json',
      'Content-Length: 1000',
    ].join('\r\n')
    const answer = await talk(portOf(url), `${head}\r\n\r\n{"topic":`)
    expect(answer).toMatch(/^HTTP\/1.1 408 /)
    expect(answer).toContain('"code":"handshake_timeout"')
    expect(reader.ended).toBe(false)
  })

  it('that are too large get 413 and are closed, with or without a length', async () => {
    const { url } = await startApp({ limits: { maxPayload: 1000 }, plugins: [sse()] })
    const reader = await SseReader.open(`${url}/api/v1/sse`)
    const { session } = await reader.until(({ type }) => type === 'welcome')
    const head = `POST /api/v1/sse/${session} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`
    const declared = await talk(portOf(url), `${head}Content-Length: 1000000000\r\n\r\n[`)
    expect(declared).toMatch(/^HTTP\/1.1 413 /)
    expect(declared).toContain('"code":"payload_too_large"')
    const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
    expect(await talk(portOf(url), `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`)).toMatch(
      /^HTTP\/1.1 413 /,
    )
    expect(reader.ended).toBe(false)
  })
})

describe('connections beyond `maxSockets`', () => {
  it('are dropped at once and reported, and accepted again when others have ended', async () => {
    const { url, lines } = await startApp({ http: { maxSockets: 2 } })
    const [first] = [await connectBare(url), await connectBare(url)]
    expect(await talk(portOf(url))).toBe('')
    const asked = await first!.ask({ topic: 'x' })
    expect(asked.error.code).toBe('unknown_topic')
    await vi.waitFor(() =>
      expect(lines.find(({ dropped }) => dropped)).toMatchObject({ level: 'warn', maxSockets: 2 }),
    )
    first!.socket.terminate()
    await vi.waitFor(async () => expect((await fetch(`${url}/healthz`)).status).toBe(200))
  })
})

describe('the address of a peer', () => {
  it('is the one that a trusted proxy reports, for requests of every kind', async () => {
    const { url, app } = await startApp({ http: { trustProxy: 1 }, plugins: [sse()] })
    const headers = { 'x-forwarded-for': '6.6.6.6, 2001:db8::7' }
    await connectBare(url, '', { headers })
    await SseReader.open(`${url}/api/v1/sse`, headers)
    await vi.waitFor(() => expect(app.sessions.size).toBe(2))
    expect([...app.sessions].map(({ address }) => address)).toEqual(['2001:db8::7', '2001:db8::7'])
  })

  it('is that of the connection if no proxy is trusted', async () => {
    const { url, app } = await startApp()
    await connectBare(url, '', { headers: { 'x-forwarded-for': '6.6.6.6' } })
    expect([...app.sessions].map(({ address }) => address)).toEqual(['127.0.0.1'])
  })
})
