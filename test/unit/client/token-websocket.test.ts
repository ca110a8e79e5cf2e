import { describe, expect, test, vi } from 'vitest'
import { clientOf, obliging, opened, type Script, ScriptedServer, silent, welcome } from './support.ts'

/** Sends welcome after the token, then behaves as `obliging`. */
const guarded: Script = (frame, peer) => {
  if (frame.type === 'auth' && frame.id === undefined) peer.send(welcome())
  else obliging(frame, peer)
}

/** Longer than the default, for a busy machine. */
const until = (check: () => void) => vi.waitFor(check)

describe('over a WebSocket, a token', () => {
  test('is the first frame, and the only one before welcome', async () => {
    const server = await ScriptedServer.listen({ greeting: null, script: silent })
    const client = clientOf({ url: server.url, token: 'secret' })
    client.subscribe('a', () => {})
    client.send('b')
    await until(() => expect(server.peers[0]?.frames).toEqual([{ type: 'auth', token: 'secret' }]))
    // The query announces the token and does not contain it.
    expect([client.state, String(server.peer.query)]).toEqual(['connecting', 'auth=first'])
    server.peer.send(welcome())
    await opened(client)
    await until(() => expect(server.peer.frames).toHaveLength(3))
    expect(server.peer.frames.slice(1)).toMatchObject([{ type: 'subscribe', topics: ['a'] }, { topic: 'b' }])
  })

  test('is requested for every connection', async () => {
    const server = await ScriptedServer.listen({ greeting: null, script: guarded })
    let last = 0
    const client = clientOf({ url: server.url, token: () => `t${++last}` })
    await opened(client)
    server.peer.cut()
    await until(() => expect(server.peers).toHaveLength(2))
    expect(await client.call('echo', 1)).toBe(1)
    expect(server.peers.map(({ frames }) => frames[0])).toEqual([
      { type: 'auth', token: 't1' },
      { type: 'auth', token: 't2' },
    ])
  })

  test('is not sent if there is none', async () => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url, token: async () => null })
    expect(await client.call('echo', 1)).toBe(1)
    expect(server.peer.frames).toMatchObject([{ topic: 'echo' }])
  })

  test('closes the client when it has expired, also if only the WebSocket’s close says so', async () => {
    const server = await ScriptedServer.listen({ greeting: null, script: guarded })
    const client = clientOf({ url: server.url, token: 'secret' })
    const failed = vi.fn()
    client.on('error', ({ code }) => failed(code))
    await opened(client)
    server.peer.close(4401, 'token_expired')
    await until(() => expect(client.state).toBe('closed'))
    expect(failed.mock.calls).toEqual([['token_expired']])
  })
})
