import { describe, expect, test, vi } from 'vitest'
import type { Client, ClientEvents } from '../../../client/index.ts'
import type { ServerFrame } from '../../../core/protocol/protocol.ts'
import { verifies } from '../../requirements.ts'
import { clientOf, opened, ScriptedServer, silent, welcome } from './support.ts'

const noop = () => {}

/** Records all events of a client from now on. */
const record = (client: Client) => {
  const log: unknown[][] = []
  const names: (keyof ClientEvents)[] = ['state', 'open', 'close', 'error']
  for (const name of names) client.on(name, (...args: unknown[]) => void log.push([name, ...args]))
  return log
}

const connected = async (options = {}) => {
  const server = await ScriptedServer.listen()
  const client = clientOf({ url: server.url, ...options })
  await opened(client)
  return { server, client }
}

const closeFrame = (code: string, reconnectAfter: number | null): ServerFrame => ({
  type: 'close',
  error: { code, message: `Because of ${code}` },
  reconnectAfter,
})

const coded = (code: string) => expect.objectContaining({ code })

describe('a client', () => {
  test('is open with a session and a user after welcome', async () => {
    const user = { id: 'u1', name: 'ada' }
    const server = await ScriptedServer.listen({ greeting: { ...welcome(), user } })
    const client = clientOf({ url: server.url })
    const log = record(client)
    expect([client.state, client.session, client.user]).toEqual(['connecting', null, null])
    await opened(client)
    expect([client.state, client.session, client.user]).toEqual(['open', 's1', user])
    expect(log).toEqual([
      ['state', 'open', { transport: 'websocket' }],
      ['open', { session: 's1', user, transport: 'websocket' }],
    ])
  })

  test('works with a server that sends only required fields', async () => {
    const server = await ScriptedServer.listen({ greeting: null })
    const client = clientOf({ url: server.url })
    const answer = client.call('echo', 'x'.repeat(100))
    await vi.waitFor(() => expect(server.connections).toBe(1))
    server.peer.sendText('{"type":"welcome","protocol":1,"session":"s2"}')
    expect(await answer).toHaveLength(100)
    expect([client.session, client.user]).toEqual(['s2', null])
  })

  test('is not open before welcome, however long the socket is open', async () => {
    const server = await ScriptedServer.listen({ greeting: null })
    const client = clientOf({ url: server.url })
    await vi.waitFor(() => expect(server.connections).toBe(1))
    expect(client.state).toBe('connecting')
    server.peer.send(welcome())
    await opened(client)
  })

  test('gives up an attempt without welcome within connectTimeout', async () => {
    const server = await ScriptedServer.listen({ greeting: null })
    const log = record(clientOf({ url: server.url, connectTimeout: 30 }))
    await vi.waitFor(() => expect(server.peers.length).toBeGreaterThan(1))
    expect(log[0]).toEqual([
      'state',
      'waiting',
      { error: coded('handshake_timeout'), retryIn: expect.any(Number) },
    ])
  })

  test('may be created before the server is up', async () => {
    const { port } = await ScriptedServer.listen().then(async (gone) => {
      const { port } = gone
      await gone.stop()
      return { port }
    })
    const client = clientOf({ url: `http://localhost:${port}` })
    const log = record(client)
    const answer = client.call('echo', 'early')
    await vi.waitFor(() => expect(client.state).toBe('waiting'))
    expect(log[0]).toMatchObject(['state', 'waiting', { error: { code: 'connection_failed' } }])
    await ScriptedServer.listen({ port })
    expect(await answer).toBe('early')
  })

  test('reconnects after a lost connection', async () => {
    const { server, client } = await connected()
    const log = record(client)
    server.peer.cut()
    await vi.waitFor(() => expect(log.at(-1)).toMatchObject(['open', {}]))
    const lost = { error: coded('disconnected'), retryIn: expect.any(Number) }
    expect(log).toEqual([
      ['state', 'waiting', lost],
      ['close', { ...lost, willReconnect: true }],
      ['state', 'connecting', { transport: 'websocket' }],
      ['state', 'open', { transport: 'websocket' }],
      ['open', { session: 's1', user: null, transport: 'websocket' }],
    ])
  })

  test.each([
    [4401, 'unauthenticated', 'unauthenticated'],
    [4409, 'sold_out', 'sold_out'],
    [1009, '', 'payload_too_large'],
    [1001, '', 'shutting_down'],
    [1000, '', 'disconnected'],
    [4403, 'Words for people', 'disconnected'],
  ])(
    'a close with %i %j and no close frame means %s, the message names the code, and the client reconnects',
    async (status, reason, code) => {
      const { server, client } = await connected()
      const log = record(client)
      server.peer.close(status, reason)
      await vi.waitFor(() => expect(server.peers).toHaveLength(2))
      const message =
        code === 'disconnected' ? 'The connection was lost' : `The server closed the connection: ${code}`
      expect(log[0]).toMatchObject(['state', 'waiting', { error: { code, message } }])
    },
  )
})

describe('a server that closes with a close frame', () => {
  test('sets the time of the reconnect', async () => {
    verifies('protocol.closing.reconnect-after')
    const { server, client } = await connected()
    const log = record(client)
    server.peer.send(closeFrame('shutting_down', 35))
    await vi.waitFor(() => expect(server.peers.length).toBeGreaterThan(1))
    expect(log[0]).toMatchObject(['state', 'waiting', { error: { code: 'shutting_down' }, retryIn: 35 }])
  })

  test('closes the client for good if reconnectAfter is null', async () => {
    verifies('protocol.closing.never-come-back')
    const { server, client } = await connected()
    const log = record(client)
    const sub = client.subscribe('a', noop)
    await sub.ready
    server.peer.send(closeFrame('replaced', null))
    await vi.waitFor(() => expect(server.connections).toBe(0))
    expect(client.state).toBe('closed')
    const error = coded('replaced')
    expect(log).toEqual([
      ['state', 'closed', { error }],
      ['close', { error, willReconnect: false, retryIn: null }],
      ['error', error],
    ])
    expect([sub.state, sub.error]).toEqual(['failed', error])
    expect(() => client.send('a')).toThrow(expect.objectContaining({ code: 'client_closed', cause: error }))
  })

  test('rejects pending calls and subscriptions with its reason', async () => {
    verifies('delivery.client.not-wanted')
    const server = await ScriptedServer.listen({ greeting: null, script: silent })
    const client = clientOf({ url: server.url })
    const sub = client.subscribe('a', noop)
    const answer = client.call('a')
    await vi.waitFor(() => expect(server.connections).toBe(1))
    server.peer.send(closeFrame('unauthenticated', null))
    await expect(answer).rejects.toMatchObject({ code: 'unauthenticated' })
    await expect(sub.ready).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('for good drops queued messages, and the client reports the reason', async () => {
    verifies('delivery.client.not-wanted')
    const server = await ScriptedServer.listen({ greeting: null, script: silent })
    const client = clientOf({ url: server.url })
    const errors: string[] = []
    client.on('error', ({ code }) => errors.push(code))
    client.send('queued')
    await vi.waitFor(() => expect(server.connections).toBe(1))
    server.peer.send(closeFrame('unauthenticated', null))
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    expect(errors).toEqual(['unauthenticated'])
    client.connect()
    client.send('later')
    await vi.waitFor(() => expect(server.peers).toHaveLength(2))
    server.peer.send(welcome())
    await vi.waitFor(() => expect(server.peer.frames).toEqual([{ topic: 'later' }]))
  })

  test('for good gets the client back with its subscriptions after connect()', async () => {
    const { server, client } = await connected()
    const sub = client.subscribe('a', noop)
    await sub.ready
    server.peer.send(closeFrame('unauthenticated', null))
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    client.connect()
    expect(sub.state).toBe('pending')
    await vi.waitFor(() => expect(sub.state).toBe('active'))
    expect([sub.error, await client.call('echo', 1)]).toEqual([undefined, 1])
  })
})

test('another version of the protocol closes the client', async () => {
  verifies('protocol.versions.unknown')
  const server = await ScriptedServer.listen({ greeting: { ...welcome(), protocol: 2 } })
  const client = clientOf({ url: server.url })
  const log = record(client)
  await vi.waitFor(() => expect(client.state).toBe('closed'))
  expect(log).toEqual([
    ['state', 'closed', { error: coded('protocol_mismatch') }],
    ['error', coded('protocol_mismatch')],
  ])
})

describe('close', () => {
  test('sends the queued messages, then ends everything', async () => {
    verifies('delivery.client.close')
    const { server, client } = await connected()
    const sub = client.subscribe('a', noop)
    await sub.ready
    const log = record(client)
    const answer = client.call('last', 'words')
    client.close()
    await expect(answer).rejects.toMatchObject({ code: 'client_closed' })
    await vi.waitFor(() => expect(server.connections).toBe(0))
    expect(server.peer.frames.at(-1)).toMatchObject({ topic: 'last', payload: 'words' })
    expect([client.state, client.session, client.transport, sub.state]).toEqual([
      'closed',
      null,
      null,
      'cancelled',
    ])
    expect(log).toEqual([
      ['state', 'closed', {}],
      ['close', { error: coded('client_closed'), willReconnect: false, retryIn: null }],
    ])
  })

  test('is idempotent', async () => {
    const { client } = await connected()
    client.close()
    const log = record(client)
    client.close()
    expect(log).toEqual([])
  })

  test('makes later calls, sends and subscriptions fail with client_closed', async () => {
    const { client } = await connected()
    client.close()
    const error = expect.objectContaining({ code: 'client_closed' })
    expect(() => client.send('a')).toThrow(error)
    expect(() => client.subscribe('a', noop)).toThrow(error)
    await expect(client.call('a')).rejects.toMatchObject({ code: 'client_closed' })
  })

  test('rejects ready of a subscription that was never confirmed', async () => {
    const server = await ScriptedServer.listen({ script: silent })
    const client = clientOf({ url: server.url })
    const sub = client.subscribe('a', noop)
    client.close()
    await expect(sub.ready).rejects.toMatchObject({ code: 'client_closed' })
  })

  test('ends an attempt that is under way', async () => {
    const server = await ScriptedServer.listen({ greeting: null })
    const client = clientOf({ url: server.url })
    await vi.waitFor(() => expect(server.connections).toBe(1))
    client.close()
    await vi.waitFor(() => expect(server.connections).toBe(0))
  })

  test('works within a listener of open, too', async () => {
    const { server, client } = await connected()
    client.on('state', (state) => state === 'open' && client.close())
    const log = record(client)
    server.peer.cut()
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    await vi.waitFor(() => expect(server.connections).toBe(0))
    expect(log.filter(([name]) => name === 'open')).toEqual([])
  })

  test('is undone by connect(), without the earlier subscriptions', async () => {
    const { server, client } = await connected()
    const sub = client.subscribe('a', noop)
    client.close()
    client.connect()
    expect(await client.call('echo', 1)).toBe(1)
    expect(sub.state).toBe('cancelled')
    expect(server.peer.frames).toHaveLength(1)
  })
})
