import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Subscription } from '../../../client/index.ts'
import type { ClientFrame, SubscribeFrame } from '../../../core/protocol/protocol.ts'
import { verifies } from '../../requirements.ts'
import { clientOf, obliging, opened, type Peer, type Script, ScriptedServer, silent } from './support.ts'

const asked = (peer: Peer, type: 'subscribe' | 'unsubscribe') =>
  peer.frames.flatMap((frame) => (frame.type === type ? [frame.topics] : []))

/** Refuses the patterns, as the server does: one alone by an error, several in the payload. */
const refusing =
  (code: string, ...patterns: string[]): Script =>
  (frame, peer) => {
    if (frame.type !== 'subscribe' || !frame.topics.some((topic) => patterns.includes(topic))) {
      obliging(frame, peer)
      return
    }
    const error = { code, message: 'No' }
    const accepted = frame.topics.filter((topic) => !patterns.includes(topic))
    const refused = frame.topics
      .filter((topic) => patterns.includes(topic))
      .map((topic) => ({ topic, error }))
    if (frame.topics.length === 1) peer.send({ type: 'reply', id: frame.id!, error })
    else peer.send({ type: 'reply', id: frame.id!, payload: { topics: accepted, refused } })
  }

/** Keeps requests until the test replies to them. */
const hesitant = () => {
  const held: { frame: ClientFrame; peer: Peer }[] = []
  const script: Script = (frame, peer) => void held.push({ frame, peer })
  const answer = async () => {
    await vi.waitFor(() => expect(held).not.toEqual([]))
    const { frame, peer } = held.shift()!
    obliging(frame, peer)
    return frame
  }
  return { script, answer, held }
}

const noop = () => {}

describe('subscribe', () => {
  test('becomes active and ready when the server confirms', async () => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url })
    const sub = client.subscribe('rooms/42/*', noop)
    const states: string[] = []
    sub.on('state', (state) => states.push(state))
    expect([sub.pattern, sub.state, sub.error]).toEqual(['rooms/42/*', 'pending', undefined])
    await sub.ready
    expect([sub.state, ...states]).toEqual(['active', 'active'])
  })

  test('subscribes once on the server for a pattern, however many listeners it has', async () => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url })
    const first = client.subscribe('a/*', noop)
    const second = client.subscribe('a/*', noop)
    await Promise.all([first.ready, second.ready])
    expect(client.subscribe('a/*', noop).state).toBe('active')
    await client.call('barrier')
    expect(asked(server.peer, 'subscribe')).toEqual([['a/*']])
  })

  test('unsubscribes on the server when the last listener of a pattern is gone', async () => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url })
    const [first, second] = [client.subscribe('a/*', noop), client.subscribe('a/*', noop)]
    await first.ready
    first.cancel()
    await client.call('barrier')
    expect(asked(server.peer, 'unsubscribe')).toEqual([])
    second.cancel()
    second.cancel()
    await client.call('barrier')
    expect(asked(server.peer, 'unsubscribe')).toEqual([['a/*']])
    expect([first.state, second.state]).toEqual(['cancelled', 'cancelled'])
  })

  test('sends the patterns of one turn in one frame, before the messages of that turn', async () => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url })
    await opened(client)
    client.send('first', 1)
    const subs = ['a', 'b/*', 'c/*/d'].map((pattern) => client.subscribe(pattern, noop))
    await Promise.all(subs.map((sub) => sub.ready))
    const [subscribe, message] = server.peer.frames
    expect(subscribe).toMatchObject({ type: 'subscribe', topics: ['a', 'b/*', 'c/*/d'] })
    expect(message).toEqual({ topic: 'first', payload: 1 })
  })

  test('fails only the refused pattern, not the others of its frame', async () => {
    const server = await ScriptedServer.listen({ script: refusing('forbidden', 'secret') })
    const client = clientOf({ url: server.url })
    const [good, bad] = [client.subscribe('open', noop), client.subscribe('secret', noop)]
    await expect(bad.ready).rejects.toMatchObject({ code: 'forbidden', message: 'No' })
    await good.ready
    expect([good.state, bad.state, bad.error?.code]).toEqual(['active', 'failed', 'forbidden'])
    expect(asked(server.peer, 'subscribe')).toEqual([['open', 'secret']])
  })

  test('splits many patterns into frames within the server’s limits', async () => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url })
    const subs = Array.from({ length: 200 }, (_, index) => client.subscribe(`many/${index}`, noop))
    await Promise.all(subs.map((sub) => sub.ready))
    expect(asked(server.peer, 'subscribe').map((topics) => topics.length)).toEqual([128, 72])
  })

  test.each([
    ['bad pattern', 'invalid_pattern'],
    ['a/*b', 'invalid_pattern'],
    ['$user/alice', 'reserved_topic'],
    ['rooms/$all', 'reserved_topic'],
  ])('throws at once for %s', async (pattern, code) => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url })
    await opened(client)
    expect(() => client.subscribe(pattern, noop)).toThrow(expect.objectContaining({ code }))
    await client.call('barrier')
    expect(asked(server.peer, 'subscribe')).toEqual([])
  })

  test('restores all subscriptions after a lost connection, before queued messages', async () => {
    verifies('delivery.client.subscribes-first')
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url })
    const subs = ['a', 'b'].map((pattern) => client.subscribe(pattern, noop))
    await Promise.all(subs.map((sub) => sub.ready))
    const states: string[] = []
    subs[0]!.on('state', (state) => states.push(state))
    const off = client.on('close', () => client.send('queued'))
    server.peer.cut()
    await vi.waitFor(() => expect(states).toEqual(['pending', 'active']))
    off()
    expect(server.peers).toHaveLength(2)
    expect(server.peer.frames).toEqual([
      expect.objectContaining({ type: 'subscribe', topics: ['a', 'b'] }),
      { topic: 'queued' },
    ])
  })

  test('retries a confirmed pattern that the server refuses with a retryable error after a reconnect', async () => {
    let troubles = 2
    const server = await ScriptedServer.listen({
      script: (frame, peer) => {
        const trouble = frame.type === 'subscribe' && server.peers.length > 1 && troubles-- > 0
        const script = trouble ? refusing('internal', 'a') : obliging
        script(frame, peer)
      },
    })
    const client = clientOf({ url: server.url })
    const sub = client.subscribe('a', noop)
    await sub.ready
    server.peer.cut()
    await vi.waitFor(() => expect(asked(server.peer, 'subscribe')).toEqual([['a'], ['a'], ['a']]))
    await vi.waitFor(() => expect(sub.state).toBe('active'))
  })
})

describe('changes before the server has replied', () => {
  test('leave nothing on the server after subscribe and cancel', async () => {
    const { script, answer } = hesitant()
    const server = await ScriptedServer.listen({ script })
    const client = clientOf({ url: server.url })
    await opened(client)
    const sub = client.subscribe('a', noop)
    await vi.waitFor(() => expect(server.peer.frames).toHaveLength(1))
    sub.cancel()
    await expect(sub.ready).rejects.toMatchObject({ code: 'aborted' })
    await answer()
    expect(await answer()).toMatchObject({ type: 'unsubscribe', topics: ['a'] })
  })

  test('send nothing if subscribe and cancel happen in one turn', async () => {
    const server = await ScriptedServer.listen()
    const client = clientOf({ url: server.url })
    await opened(client)
    client.subscribe('a', noop).cancel()
    await client.call('barrier')
    expect(server.peer.frames).toHaveLength(1)
  })

  test('end subscribed after subscribe, cancel and subscribe', async () => {
    const { script, answer, held } = hesitant()
    const server = await ScriptedServer.listen({ script })
    const client = clientOf({ url: server.url })
    await opened(client)
    const first = client.subscribe('a', noop)
    await vi.waitFor(() => expect(held).toHaveLength(1))
    first.cancel()
    const second = client.subscribe('a', noop)
    await answer()
    await second.ready
    expect(server.peer.frames.map((frame) => frame.type)).toEqual(['subscribe'])
  })

  test('end subscribed after cancel and subscribe', async () => {
    const { script, answer, held } = hesitant()
    const server = await ScriptedServer.listen({ script })
    const client = clientOf({ url: server.url })
    const first = client.subscribe('a', noop)
    await answer()
    await first.ready
    first.cancel()
    await vi.waitFor(() => expect(held).toHaveLength(1))
    const second = client.subscribe('a', noop)
    expect(await answer()).toMatchObject({ type: 'unsubscribe' })
    expect(await answer()).toMatchObject({ type: 'subscribe', topics: ['a'] })
    await second.ready
    expect(second.state).toBe('active')
  })

  test('may come from the listener of a refusal', async () => {
    let refusals = 1
    const server = await ScriptedServer.listen({
      script: (frame, peer) => (refusals-- > 0 ? refusing('forbidden', 'a') : obliging)(frame, peer),
    })
    const client = clientOf({ url: server.url })
    const second = await new Promise<Subscription>((resolve) => {
      client.subscribe('a', noop).on('state', (state) => {
        if (state === 'failed') resolve(client.subscribe('a', noop))
      })
    })
    await second.ready
  })
})

describe('an unobserved ready', () => {
  const unhandled = vi.fn()
  beforeEach(() => void process.on('unhandledRejection', unhandled))
  afterEach(() => void process.off('unhandledRejection', unhandled))

  test('causes no unhandled rejection', async () => {
    const server = await ScriptedServer.listen({ script: refusing('forbidden', 'a') })
    const client = clientOf({ url: server.url })
    const sub = client.subscribe('a', noop)
    await vi.waitFor(() => expect(sub.state).toBe('failed'))
    await new Promise(setImmediate)
    expect(unhandled).not.toHaveBeenCalled()
  })
})

test('a subscription made offline is pending until the server confirms it', async () => {
  const server = await ScriptedServer.listen({ script: silent })
  const client = clientOf({ url: server.url, autoConnect: false })
  const sub = client.subscribe('a', noop)
  client.connect()
  const first = await vi.waitUntil(() => server.peers[0]?.frames[0])
  expect(sub.state).toBe('pending')
  server.peer.send({ type: 'reply', id: (first as SubscribeFrame).id! })
  await sub.ready
})
