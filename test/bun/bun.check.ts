import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createClient, sse, websocket } from 'rookery/client'
import { socketio } from 'rookery/client/socketio'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'

/** The path of Bun, from its npm package. npx itself would not pass signals on to it. */
const findBun = (): string =>
  execFileSync('npx', ['--yes', '--package=bun@1', '-c', 'command -v bun'], { encoding: 'utf8' }).trim()

let server: ChildProcess
let url: string

beforeAll(async () => {
  const path = fileURLToPath(new URL('server.ts', import.meta.url))
  server = spawn(findBun(), [path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: server.stdout! }), 'line')
  url = line as string
}, 300_000)

afterAll(async () => {
  server.kill('SIGKILL')
})

const TRANSPORTS = {
  WebSocket: () => websocket({ WebSocket }),
  'server-sent events': () => sse(),
  'Socket.IO by polling': () => socketio({ transports: ['polling'] }),
  'Socket.IO by WebSocket': () => socketio({ transports: ['websocket'] }),
}

describe('a server that runs on Bun', () => {
  it('answers requests, uploads and health checks', async () => {
    expect(await (await fetch(`${url}/hello`)).text()).toBe('hi')
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    const body = Buffer.alloc(300_000, 'x')
    expect(await (await fetch(`${url}/upload`, { method: 'POST', body })).text()).toBe('300000')
    const tooLarge = await fetch(`${url}/upload`, { method: 'POST', body: Buffer.alloc(2_000_000) })
    expect(tooLarge.status).toBe(413)
  })

  it.each(Object.entries(TRANSPORTS))('accepts clients by %s', async (_name, transport) => {
    const client = createClient({ url, transports: [transport()] })
    onTestFinished(() => client.close())
    await vi.waitFor(() => expect(client.state).toBe('open'))
    const payload = { text: 'ä€😀', long: 'x'.repeat(50_000) }
    expect(await client.call('echo', payload)).toEqual(payload)
    const heard: unknown[] = []
    await client.subscribe('news/*', (message) => void heard.push(message)).ready
    const numbers = Array.from({ length: 100 }, (_, count) => count)
    await Promise.all(numbers.map((count) => client.call('say', count)))
    await vi.waitFor(() => expect(heard).toEqual(numbers))
    await expect(client.call('nothing')).rejects.toMatchObject({ code: 'unknown_topic' })
  })

  it('ends the sessions of clients that are gone, and tells the others when it stops', async () => {
    const client = createClient({ url, WebSocket })
    onTestFinished(() => client.close())
    await vi.waitFor(async () => expect(await client.call('sessions')).toBe(1), { timeout: 20_000 })
    const closed = new Promise((resolve) => client.on('close', ({ error }) => resolve(error.code)))
    const exit = once(server, 'exit')
    server.kill('SIGTERM')
    expect(await closed).toBe('shutting_down')
    await exit
  })
})
