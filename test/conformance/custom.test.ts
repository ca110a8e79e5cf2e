import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type AppOptions, createApp, type PeerSession } from 'rookery'
import { createClient } from 'rookery/client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { lines as lineClient } from '../../examples/custom-transport/line-client.ts'
import '../../examples/custom-transport/line-transport.test.ts'
import { LineServer, lines } from '../../examples/custom-transport/line-transport.ts'
import { ROOT, readPages } from '../support/docs.ts'

const FOLDER = 'examples/custom-transport'
const read = (name: string) => readFileSync(join(ROOT, FOLDER, name), 'utf8')
const page = readPages().find(({ path }) => path === 'docs/custom-transport.md')
const blocks = page?.blocks ?? []

const start = async (port = 0, options: AppOptions = {}) => {
  const app = createApp({ ...options, logger: 'silent', plugins: [lines({ port, host: '127.0.0.1' })] })
  app.handle('echo', (_ctx, payload) => payload)
  await app.start()
  onTestFinished(() => app.stop())
  return { app, port: app.scope.get(LineServer).port }
}

const connect = (port: number) => {
  const client = createClient({
    url: `http://127.0.0.1:${port}`,
    transports: [lineClient()],
    params: { username: 'ada' },
    reconnect: { min: 5, max: 50 },
  })
  onTestFinished(() => client.close())
  return client
}

describe('the client over the custom transport', () => {
  it('calls, subscribes, and closes its connection', async () => {
    const { app, port } = await start()
    app.sessions.onAuthenticate(({ query }) => ({ id: query.get('username') ?? '', name: 'Ada' }))
    const client = connect(port)
    const heard: unknown[] = []
    await client.subscribe('news/*', (payload) => heard.push(payload)).ready
    expect(client.user?.id).toBe('ada')
    const large = '漢'.repeat(20_000)
    expect(await client.call('echo', large)).toBe(large)
    await app.publish('news/today', large)
    await vi.waitFor(() => expect(heard).toEqual([large]))
    client.close()
    await vi.waitFor(() => expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 }))
  })

  it('reconnects to a restarted server, with its subscriptions', async () => {
    const first = await start()
    const client = connect(first.port)
    const heard: unknown[] = []
    await client.subscribe('news/*', (payload) => heard.push(payload)).ready
    // As if the process had been killed: without a close frame with reconnectAfter.
    for (const session of first.app.sessions) (session as PeerSession).disconnected()
    await first.app.stop()
    await vi.waitFor(() => expect(client.state).not.toBe('open'))
    const second = await start(first.port)
    expect(await client.call('echo', 1)).toBe(1)
    await second.app.publish('news/today', 'fresh')
    await vi.waitFor(() => expect(heard).toEqual(['fresh']))
  })

  it('gets `connection_failed` if no server listens, and the reason if the server closes its session', async () => {
    const { app, port } = await start()
    const client = connect(port)
    const ends: (string | undefined)[] = []
    client.on('state', (_state, { error }) => ends.push(error?.code))
    await client.call('echo')
    for (const session of app.sessions) session.close()
    await vi.waitFor(() => expect(ends).toContain('session_closed'))
    await app.stop()
    client.connect()
    await vi.waitFor(() => expect(ends).toContain('connection_failed'))
  })
})

describe('a connection without a handshake', () => {
  const stranger = async (port: number, text: string) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(text)
    onTestFinished(() => void socket.destroy())
    await vi.waitFor(() => expect(socket.connecting).toBe(false))
    return socket.resume()
  }

  it('is dropped if its first line is too long or takes too long, and when the server stops', async () => {
    const { app, port } = await start(0, { handshakeTimeout: 300 })
    const talker = await stranger(port, 'x'.repeat(100_000))
    await vi.waitFor(() => expect(talker.closed).toBe(true))
    const sleeper = await stranger(port, 'username=')
    await vi.waitFor(() => expect(sleeper.closed).toBe(true))
    await app.stop()
    const other = await start(0, { handshakeTimeout: 60_000 })
    const last = await stranger(other.port, 'username=')
    await other.app.stop()
    await vi.waitFor(() => expect(last.closed).toBe(true))
  })
})

describe('the example of a custom transport', () => {
  it('has fewer than 150 lines, client included', () => {
    const files = ['lines.ts', 'line-wire.ts', 'line-session.ts', 'line-transport.ts', 'line-client.ts']
    const count = files.map((name) => read(name).trimEnd().split('\n').length)
    expect(count.reduce((sum, length) => sum + length, 0)).toBeLessThan(150)
  })

  it('is identical to the code on its page', () => {
    const shown = Object.fromEntries(blocks.filter(({ name }) => name).map(({ name, code }) => [name, code]))
    const files = readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith('.ts'))
    expect(shown).toEqual(Object.fromEntries(files.map((name) => [name, read(name)])))
  })

  it('runs, prints the output on its page, and exits', async () => {
    const env = { ...process.env, TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json') }
    const args = ['--import', 'tsx', join(FOLDER, 'demo.ts')]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env, timeout: 60_000 })
    expect(stdout).toBe(blocks.find(({ language }) => language === 'text')?.code)
  }, 60_000)
})
