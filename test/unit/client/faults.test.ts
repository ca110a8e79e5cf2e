import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type ClientTransport, RookeryError, websocket } from '../../../client/index.ts'
import { verifies } from '../../requirements.ts'
import { clientOf, MemoryTransport, opened, ScriptedServer, welcome } from './support.ts'

const url = 'http://localhost:3000'
const settle = () => vi.advanceTimersByTimeAsync(0)

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

describe('with a clock of the test', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
  })

  test('a server that closes each connection at once and says 0 ms is asked less and less often', async () => {
    verifies('protocol.closing.reconnect-after-grows')
    const transport = new MemoryTransport()
    const client = clientOf({ url, transports: [transport], reconnect: { min: 100, max: 10_000 } })
    const waits: unknown[] = []
    client.on('state', (state, { retryIn }) => state === 'waiting' && waits.push(retryIn))
    const error = { code: 'shutting_down', message: 'Bye' }
    client.on('open', () => transport.peer.message({ type: 'close', error, reconnectAfter: 0 }))
    await vi.advanceTimersByTimeAsync(1_600)
    expect(waits).toEqual([0, 100, 200, 400, 800, 1600])
  })

  test('the server’s time holds when it is longer than the client’s own wait', async () => {
    const transport = new MemoryTransport()
    const client = clientOf({ url, transports: [transport], reconnect: { min: 100, max: 10_000 } })
    const waits: unknown[] = []
    client.on('state', (state, { retryIn }) => state === 'waiting' && waits.push(retryIn))
    const error = { code: 'shutting_down', message: 'Bye' }
    client.on('open', () => transport.peer.message({ type: 'close', error, reconnectAfter: 500 }))
    await vi.advanceTimersByTimeAsync(1_100)
    expect(waits).toEqual([500, 500, 500])
  })

  test('what is sent after a sleep of the computer waits for a new connection', async () => {
    verifies('delivery.client.sleep')
    const transport = new MemoryTransport()
    transport.obliging = true
    const client = clientOf({ url, transports: [transport] })
    await settle()
    const before = transport.peer
    // The clock goes on while timers do not.
    vi.setSystemTime(Date.now() + 3_600_000)
    client.send('a', 'after sleep')
    const call = client.call('b')
    const sub = client.subscribe('c', () => {})
    await vi.advanceTimersByTimeAsync(1)
    await call
    await sub.ready
    expect([before.ended, before.frames, transport.peers.length]).toEqual(['aborted', [], 2])
    expect(transport.peer.frames).toEqual([
      expect.objectContaining({ type: 'subscribe', topics: ['c'] }),
      { topic: 'a', payload: 'after sleep' },
      expect.objectContaining({ topic: 'b' }),
    ])
  })

  test('ready() resolves with the first welcome, and rejects when the client is closed', async () => {
    const transport = new MemoryTransport()
    transport.reachable = false
    const client = clientOf({ url, transports: [transport] })
    const ready = client.ready()
    await vi.advanceTimersByTimeAsync(100)
    transport.reachable = true
    await vi.advanceTimersByTimeAsync(100)
    const connection = { session: 's1', user: null, transport: 'memory' }
    expect([await ready, await client.ready()]).toEqual([connection, connection])
    const error = { code: 'forbidden', message: 'Banned' }
    transport.peer.message({ type: 'close', error, reconnectAfter: null })
    await expect(client.ready()).rejects.toMatchObject({ code: 'forbidden' })
    client.close()
    client.connect()
    const never = client.ready()
    client.close()
    await expect(never).rejects.toMatchObject({ code: 'client_closed' })
  })
})

describe('a transport that throws', () => {
  test.each(['connect', 'send', 'close'] as const)('in %s() is a failed connection', async (method) => {
    const inner = new MemoryTransport()
    inner.obliging = true
    let faults = 2
    const fault = () => {
      if (faults-- > 0) throw new TypeError('a polyfill')
    }
    const transport: ClientTransport = {
      name: 'broken',
      connect: (request, events) => {
        if (method === 'connect') fault()
        const connection = inner.connect(request, events)
        return {
          ...connection,
          [method]: (...args: never[]) => {
            fault()
            ;(connection[method as 'send'] as (...args: never[]) => void)(...args)
          },
        }
      },
    }
    const client = clientOf({ url, transports: [transport], reconnect: { min: 1, max: 5 } })
    await opened(client)
    if (method === 'close') inner.peer.close(new RookeryError('disconnected'))
    await vi.waitFor(async () => expect(await client.call('a')).toBeUndefined())
    client.close()
    expect(client.state).toBe('closed')
  })

  test('is a WebSocket class whose constructor or send() throws', async () => {
    const server = await ScriptedServer.listen()
    let faults = 3
    class Broken extends WebSocket {
      constructor(address: string) {
        if (faults === 3 && faults--) throw new SyntaxError('no such scheme')
        super(address)
      }
      override send(data: never): void {
        if (faults-- > 0) throw new Error('not open')
        super.send(data)
      }
    }
    const client = clientOf({ url: server.url, transports: [websocket({ WebSocket: Broken })], token: 't' })
    await vi.waitFor(() => expect(server.peer?.frames[0]).toEqual({ type: 'auth', token: 't' }))
    await opened(client)
  })
})

test('close() ends a WebSocket within 5 s though the server never closes it', async () => {
  const sockets: Socket[] = []
  const text = JSON.stringify(welcome())
  // A server that answers the handshake, sends welcome, and then neither reads nor writes.
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.once('data', (head) => {
      const key = /sec-websocket-key: (.*)\r\n/i.exec(String(head))![1]
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      const lines = ['HTTP/1.1 101 Switching Protocols', 'upgrade: websocket', 'connection: upgrade']
      socket.write(`${[...lines, `sec-websocket-accept: ${accept}`].join('\r\n')}\r\n\r\n`)
      socket.write(
        Buffer.concat([Buffer.from([0x81, 126, text.length >> 8, text.length & 255]), Buffer.from(text)]),
      )
    })
  }).listen(0)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const client = clientOf({ url: `http://localhost:${port}` })
  await opened(client)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  client.close()
  const gone = once(sockets[0]!, 'close')
  await vi.advanceTimersByTimeAsync(5_000)
  vi.useRealTimers()
  await gone
  server.close()
})

test('debug logs frames and states, without tokens, session ids and secrets', async () => {
  const lines: string[] = []
  vi.spyOn(console, 'debug').mockImplementation((...args) => void lines.push(JSON.stringify(args)))
  const transport = new MemoryTransport('memory', {
    ...welcome('id-of-session'),
    secret: 'the-secret',
  } as never)
  transport.obliging = true
  let calls = 0
  const token = () => `token-${++calls}`
  const client = clientOf({ url, transports: [transport], token, debug: true })
  await client.call('chat/send', { text: 'hello', token: 'token-0' })
  transport.peer.message({ type: 'auth', expiresIn: 60_000 })
  await vi.waitFor(() => expect(transport.peer.frames.at(-1)).toMatchObject({ token: 'token-2' }))
  const log = lines.join('\n')
  expect(log).toMatch(/connecting.*welcome.*chat\/send.*open.*reply.*"auth"/s)
  expect(log).not.toMatch(/token-\d|id-of-session|the-secret/)
  client.close()

  vi.stubGlobal('document', new EventTarget())
  vi.stubGlobal('localStorage', { getItem: (name: string) => (name === 'rookery' ? 'debug' : null) })
  lines.length = 0
  clientOf({ url, transports: [transport] }).close()
  expect(lines).not.toEqual([])
  vi.stubGlobal('localStorage', {
    getItem: () => {
      throw new Error('SecurityError')
    },
  })
  lines.length = 0
  clientOf({ url, transports: [transport] }).close()
  expect(lines).toEqual([])
})
