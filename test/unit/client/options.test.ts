import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type ClientOptions, createClient, websocket } from '../../../client/index.ts'
import { clientOf, MemoryTransport, opened, ScriptedServer } from './support.ts'

const url = 'http://localhost:3000'

/** Accepts options that the types forbid, as JavaScript can pass them. */
const create = (options: object) => () => createClient({ autoConnect: false, ...options } as ClientOptions)

const refusal = (pattern: RegExp) =>
  expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(pattern) })

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('createClient refuses', () => {
  test.each<[string, object, RegExp]>([
    ['an unknown option', { url, WebSocket, timeout: 5 }, /no option 'timeout'/],
    ['an unknown option of reconnect', { url, WebSocket, reconnect: { factor: 2 } }, /'reconnect\.factor'/],
    [
      'a url that is not valid',
      { url: 'localhost', WebSocket },
      /'url' must be .*https:\/\/.*not "localhost"/,
    ],
    ['a url of another scheme', { url: 'ftp://localhost', WebSocket }, /'url'.*"ftp:\/\/localhost"/],
    ['a url with a path', { url: `${url}/api`, WebSocket }, /'url'.*'path'/],
    ['a path without a slash', { url, WebSocket, path: 'ws' }, /'path' must be .*begins with \/.*not "ws"/],
    ['a path with a query', { url, WebSocket, path: '/ws?a=b' }, /'path'/],
    ['params that are a string', { url, WebSocket, params: 'a=b' }, /'params'.*not "a=b"/],
    ['a timeout of 0', { url, WebSocket, callTimeout: 0 }, /'callTimeout'.*milliseconds.*not 0/],
    ['a timeout that is a string', { url, WebSocket, connectTimeout: '10s' }, /'connectTimeout'.*not "10s"/],
    ['a timeout longer than timers support', { url, WebSocket, callTimeout: 2 ** 31 }, /'callTimeout'/],
    ['a max wait below min', { url, WebSocket, reconnect: { min: 10, max: 5 } }, /reconnect\.max/],
    [
      'a max wait for upgrades that is a string',
      { url, WebSocket, upgrade: { max: '1m' } },
      /'upgrade\.max'/,
    ],
    ['a WebSocket class that is no class', { url, WebSocket: 5 }, /'WebSocket' must be .*not 5/],
    ['a negative queue', { url, WebSocket, maxQueue: -1 }, /'maxQueue' must be a whole number.*not -1/],
    ['an autoConnect that is no boolean', { url, WebSocket, autoConnect: 'no' }, /'autoConnect'/],
    ['an empty list of transports', { url, transports: [] }, /'transports'/],
    ['a debug that is no boolean', { url, WebSocket, debug: 'all' }, /'debug' must be true or false/],
    [
      'a WebSocket class that is no class, for a transport',
      { url, transports: [websocket()], WebSocket: 5 },
      /'WebSocket'/,
    ],
    ['options that are no object', { url, WebSocket, reconnect: 5 }, /'reconnect'.*not 5/],
  ])('%s', (_what, options, message) => {
    expect(create(options)).toThrow(refusal(message))
  })

  test('a class or a long text with a short message, without its source text', () => {
    class Polyfill {
      readonly source = 'x'.repeat(100)
    }
    const refused = (options: object) => {
      try {
        createClient(options as never)
      } catch (error) {
        return (error as Error).message
      }
      return 'accepted'
    }
    expect(refused({ url, token: { Polyfill }, WebSocket: Polyfill })).toMatch(
      /^Option 'token' .* not object$/,
    )
    expect(refused({ url, maxQueue: Polyfill })).toMatch(/^Option 'maxQueue' .* not function$/)
    expect(refused({ url, callTimeout: () => {} })).toMatch(/not function$/)
    expect(refused({ url: 'y'.repeat(10_000) }).length).toBeLessThan(300)
  })

  test('to use only WebSockets without a WebSocket class, and names the class to pass', () => {
    vi.stubGlobal('WebSocket', undefined)
    expect(create({ url, transports: [websocket()] })).toThrow(refusal(/'WebSocket' must be .*'ws'/))
  })

  test('to connect without a url outside of a browser', () => {
    expect(create({ WebSocket, autoConnect: true })).toThrow(refusal(/'url' must be/))
  })

  test('a local that is no boolean, in subscribe()', () => {
    const client = clientOf({ url, transports: [new MemoryTransport()] })
    const subscribe = () => client.subscribe('a', () => {}, { local: 'yes' as never })
    expect(subscribe).toThrow(refusal(/'local' must be true or false/))
  })

  test('credentials in the url, without showing them', () => {
    for (const secret of ['http://ada:pw@localhost', 'http://ada@localhost', 'ws://:pw@localhost']) {
      expect(create({ url: secret, WebSocket })).toThrow(refusal(/'url' must be without credentials.*token/))
      expect(create({ url: secret, WebSocket })).not.toThrow(refusal(/ada|pw/))
    }
  })
})

describe('createClient', () => {
  test('gives its WebSocket class and path to the transports that have none', async () => {
    vi.stubGlobal('WebSocket', undefined)
    const server = await ScriptedServer.listen()
    const Given = class extends WebSocket {}
    const client = clientOf({
      url: server.url,
      transports: [websocket()],
      WebSocket: Given,
      path: '/api/v1/ws',
    })
    await opened(client)
    const other = clientOf({ url: server.url, transports: [websocket({ WebSocket })], path: '/elsewhere' })
    await vi.waitFor(() => expect(other.state).toBe('waiting'))
    const own = websocket({ WebSocket, path: '/api/v1/ws' })
    await opened(clientOf({ url: server.url, transports: [own], path: '/elsewhere' }))
  })

  test('works in server-side rendering, until connect()', () => {
    vi.stubGlobal('WebSocket', undefined)
    for (const options of [{}, { transports: [websocket()] }]) {
      const client = createClient(options)
      const sub = client.subscribe('a', () => {})
      client.send('b', 1)
      expect([client.state, client.transport, client.session, sub.state]).toEqual([
        'idle',
        null,
        null,
        'pending',
      ])
      expect(() => client.connect()).toThrow(refusal(/'url' must be/))
      expect(client.state).toBe('idle')
      client.close()
      expect([client.state, sub.state]).toEqual(['closed', 'cancelled'])
    }
  })

  test('connects to the origin of the page by default', async () => {
    const server = await ScriptedServer.listen()
    vi.stubGlobal('location', { origin: server.url })
    await opened(clientOf({}))
    expect(server.connections).toBe(1)
  })

  test.each(['http', 'ws'])('accepts a url that begins with %s', async (scheme) => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: new URL(`${scheme}://localhost:${server.port}`) })
    await opened(client)
    expect(client.transport).toBe('websocket')
  })

  test('leaves out an unavailable transport', async () => {
    vi.stubGlobal('WebSocket', undefined)
    const transport = new MemoryTransport()
    const client = clientOf({ url, transports: [websocket(), transport] })
    await opened(client)
    expect([client.transport, transport.peers.length]).toEqual(['memory', 1])
  })

  test('uses the global WebSocket class if there is one', async () => {
    const server = await ScriptedServer.listen()
    vi.stubGlobal('WebSocket', WebSocket)
    const client = createClient({ url: server.url })
    await opened(client)
    client.close()
  })

  test('sends params as strings and leaves out null and undefined', async () => {
    const server = await ScriptedServer.listen()
    const params = { username: 'ada & co', roomID: 42, debug: true, token: undefined, extra: null }
    await opened(clientOf({ url: server.url, params }))
    expect(Object.fromEntries(server.peer.query)).toEqual({
      username: 'ada & co',
      roomID: '42',
      debug: 'true',
    })
  })

  test('calls a params function for every attempt', async () => {
    const transport = new MemoryTransport()
    let calls = 0
    const client = clientOf({ url, transports: [transport], params: async () => ({ attempt: ++calls }) })
    await opened(client)
    transport.peer.close(new Error('lost') as never)
    await vi.waitFor(() => expect(transport.peers.map((peer) => peer.params.attempt)).toEqual(['1', '2']))
  })

  test('tries again when the params function fails', async () => {
    const transport = new MemoryTransport()
    const params = vi.fn(() => ({ token: 'fresh' })).mockRejectedValueOnce(new Error('no token') as never)
    const client = clientOf({ url, transports: [transport], params })
    const waiting = vi.fn()
    client.on('state', (state, { error }) => state === 'waiting' && waiting(error?.code, error?.cause))
    await opened(client)
    expect(waiting.mock.calls).toEqual([['connection_failed', new Error('no token')]])
    expect(transport.peer.params).toEqual({ token: 'fresh' })
  })

  test('stays idle until connect() if autoConnect is false', async () => {
    const transport = new MemoryTransport()
    const client = clientOf({ url, transports: [transport], autoConnect: false })
    expect([client.state, client.session, client.user, client.transport]).toEqual(['idle', null, null, null])
    client.connect()
    expect(client.state).toBe('connecting')
    await opened(client)
  })
})
