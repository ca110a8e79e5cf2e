import { afterEach, describe, expect, test, vi } from 'vitest'
import { verifies } from '../../requirements.ts'
import { clientOf, MemoryTransport, opened, ScriptedServer, silent } from './support.ts'

const url = 'http://localhost:3000'

afterEach(() => {
  vi.useRealTimers()
})

const offline = (options = {}) => {
  const transport = new MemoryTransport()
  const client = clientOf({ url, transports: [transport], autoConnect: false, ...options })
  return { transport, client }
}

/** A client connected to a server that never replies. */
const unanswered = async (options = {}) => {
  const { transport, client } = offline(options)
  client.connect()
  await opened(client)
  return { transport, client }
}

describe('call', () => {
  test('resolves with the handler’s result', async () => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url })
    expect(await client.call<{ text: string }>('echo', { text: 'hi' })).toEqual({ text: 'hi' })
    expect(await client.call('echo')).toBeUndefined()
  })

  test('gives every caller its own reply, in whatever order the replies arrive', async () => {
    const server = await ScriptedServer.listen({
      script: (_frame, peer) => {
        if (peer.frames.length < 3) return
        for (const { id, topic } of [...peer.frames].reverse() as { id: number; topic: string }[]) {
          peer.send({ type: 'reply', id, payload: topic })
        }
      },
    })
    const client = clientOf({ url: server.url })
    const topics = ['a', 'b', 'c']
    expect(await Promise.all(topics.map((topic) => client.call(topic)))).toEqual(topics)
  })

  test('rejects with the handler’s error', async () => {
    const issues = [{ message: 'Too short', path: ['text'] }]
    const server = await ScriptedServer.listen({
      script: ({ id }, peer) =>
        peer.send({ type: 'reply', id: id!, error: { code: 'sold_out', message: 'Gone', issues } }),
    })
    const client = clientOf({ url: server.url })
    await expect(client.call('buy')).rejects.toMatchObject({ code: 'sold_out', message: 'Gone', issues })
  })

  test('waits for the connection while offline', async () => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url, autoConnect: false })
    const answer = client.call('echo', 1)
    client.connect()
    expect(await answer).toBe(1)
  })

  test('sends the payload as it was at the call', async () => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url, autoConnect: false })
    const payload = { text: 'before' }
    const answer = client.call('echo', payload)
    payload.text = 'after'
    client.connect()
    expect(await answer).toEqual({ text: 'before' })
  })

  test.each([
    ['bad topic', {}, 'invalid_topic'],
    ['rooms/*', {}, 'invalid_topic'],
    ['$user/alice', {}, 'reserved_topic'],
    ['ok', { big: 1n }, 'unserializable'],
  ])('to %s with %o rejects with %s and sends nothing', async (topic, payload, code) => {
    const { client, transport } = await unanswered()
    await expect(client.call(topic, payload)).rejects.toMatchObject({ code })
    expect(() => client.send(topic, payload)).toThrow(expect.objectContaining({ code }))
    expect(transport.peer.frames).toEqual([])
  })

  test('rejects an invalid timeout', async () => {
    const { client } = await unanswered()
    await expect(client.call('a', 1, { timeout: 0 })).rejects.toMatchObject({ code: 'invalid_option' })
  })
})

describe('the time limit of a call', () => {
  test('ends it with call_timeout, and a late reply is ignored', async () => {
    const server = await ScriptedServer.listen({ script: silent })
    const client = clientOf({ url: server.url, callTimeout: 30 })
    const error = vi.fn()
    client.on('error', error)
    await opened(client)
    await expect(client.call('slow')).rejects.toMatchObject({ code: 'call_timeout' })
    const { id } = server.peer.frames[0]!
    server.peer.send({ type: 'reply', id: id!, payload: 'late' })
    server.peer.send({ type: 'error', error: { code: 'internal', message: 'the end' } })
    await vi.waitFor(() => expect(error.mock.calls.flat().map(String)).toEqual(['RookeryError: the end']))
  })

  test('runs while offline, too, and removes the call from the queue', async () => {
    verifies('delivery.client.timed-out-never-sent')
    vi.useFakeTimers()
    const { client, transport } = offline({ maxQueue: 1 })
    const lost = client.call('a', 1, { timeout: 500 })
    const outcome = expect(lost).rejects.toMatchObject({ code: 'call_timeout' })
    await vi.advanceTimersByTimeAsync(500)
    await outcome
    client.send('b')
    client.connect()
    await vi.waitFor(() => expect(transport.peer.frames).toEqual([{ topic: 'b' }]))
  })

  test('is callTimeout by default', async () => {
    vi.useFakeTimers()
    const { client } = await unanswered()
    const settled = vi.fn()
    client.call('a').catch(settled)
    await vi.advanceTimersByTimeAsync(9_999)
    expect(settled).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(settled).toHaveBeenCalledWith(expect.objectContaining({ code: 'call_timeout' }))
  })
})

describe('the signal of a call', () => {
  test('ends it with aborted and its reason', async () => {
    const { client } = await unanswered()
    const controller = new AbortController()
    const answer = client.call('a', 1, { signal: controller.signal })
    controller.abort('enough')
    await expect(answer).rejects.toMatchObject({ code: 'aborted', cause: 'enough' })
  })

  test('that is already aborted sends nothing', async () => {
    const { client, transport } = await unanswered()
    const answer = client.call('a', 1, { signal: AbortSignal.abort() })
    await expect(answer).rejects.toMatchObject({ code: 'aborted' })
    expect(transport.peer.frames).toEqual([])
  })

  test('removes a call made offline from the queue', async () => {
    verifies('delivery.client.timed-out-never-sent')
    const { client, transport } = offline()
    const controller = new AbortController()
    const answer = client.call('a', 1, { signal: controller.signal })
    controller.abort()
    await expect(answer).rejects.toMatchObject({ code: 'aborted' })
    client.connect()
    await opened(client)
    expect(transport.peer.frames).toEqual([])
  })

  test('has no listener after the reply', async () => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url })
    const { signal } = new AbortController()
    const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')]
    await client.call('echo', 1, { signal })
    expect(remove.mock.calls).toEqual(add.mock.calls)
    expect(add).toHaveBeenCalledTimes(1)
  })
})

describe('a lost connection', () => {
  test('rejects calls that were sent, and never sends them again', async () => {
    verifies('delivery.client.disconnected', 'delivery.client.at-most-once')
    const server = await ScriptedServer.listen({ script: silent })
    const client = clientOf({ url: server.url })
    await opened(client)
    const answer = client.call('pay', 10)
    await vi.waitFor(() => expect(server.peer.frames).toHaveLength(1))
    const again = new Promise<void>((resolve) => client.on('open', () => resolve()))
    server.peer.cut()
    await expect(answer).rejects.toMatchObject({ code: 'disconnected', cause: { code: 'disconnected' } })
    await again
    client.send('after')
    await vi.waitFor(() => expect(server.peer.frames).toEqual([{ topic: 'after' }]))
  })
})

describe('a message larger than the server accepts', () => {
  const big = 'x'.repeat(65_536)

  test('is refused and not sent, because it would end the connection', async () => {
    const { client, transport } = await unanswered()
    expect(() => client.send('a', big)).toThrow(expect.objectContaining({ code: 'payload_too_large' }))
    await expect(client.call('a', big)).rejects.toMatchObject({ code: 'payload_too_large' })
    await expect(client.call('a', 'é'.repeat(32_768))).rejects.toMatchObject({ code: 'payload_too_large' })
    client.send('a', 'x'.repeat(65_000))
    await vi.waitFor(() => expect(transport.peer.frames).toHaveLength(1))
  })

  test('is refused after the connect if it was queued offline', async () => {
    const { client, transport } = offline()
    const errors: string[] = []
    client.on('error', (error) => errors.push(error.code))
    client.send('a', big)
    client.send('b')
    const answer = client.call('c', big)
    client.connect()
    await expect(answer).rejects.toMatchObject({ code: 'payload_too_large' })
    await vi.waitFor(() => expect(errors).toEqual(['payload_too_large']))
    expect(transport.peer.frames).toEqual([{ topic: 'b' }])
  })
})

describe('the queue', () => {
  test('holds maxQueue messages while offline, then refuses more', async () => {
    verifies('delivery.client.queue')
    const { client, transport } = offline({ maxQueue: 2 })
    client.send('a')
    const answer = client.call('b')
    expect(() => client.send('c')).toThrow(expect.objectContaining({ code: 'queue_full' }))
    await expect(client.call('c')).rejects.toMatchObject({ code: 'queue_full' })
    client.connect()
    await opened(client)
    expect(transport.peer.frames).toMatchObject([{ topic: 'a' }, { topic: 'b' }])
    for (let sent = 0; sent < 10; sent++) client.send('no-bound-while-open')
    client.close()
    await expect(answer).rejects.toMatchObject({ code: 'client_closed' })
  })

  test('leaves in one write and in order, and so do the messages of one turn', async () => {
    verifies('delivery.client.order')
    const { client, transport } = offline()
    const topics = ['a', 'b', 'c']
    for (const topic of topics) client.send(topic, { topic })
    client.connect()
    await opened(client)
    for (const topic of topics) client.send(topic)
    await vi.waitFor(() => expect(transport.peer.frames).toHaveLength(6))
    expect(transport.peer.writes).toBe(2)
    expect(transport.peer.frames.slice(0, 3)).toEqual(topics.map((topic) => ({ topic, payload: { topic } })))
  })
})
