import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RookeryError } from '../../../client/index.ts'
import type { ClientFrame, SubscribeFrame } from '../../../core/protocol/protocol.ts'
import { verifies } from '../../requirements.ts'
import { clientOf, MemoryTransport, welcome } from './support.ts'

const url = 'http://localhost:3000'
const lost = new RookeryError('disconnected')
/** Time after which the better transport has been tried once and is in use if it replies, in milliseconds. */
const FIRST_TRY_MS = 510
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** The welcome of a server that announces no pings. */
const quiet = (session: string) => ({ ...welcome(session), pingInterval: 0 })

/** A client with a subscription to `n` that fell back to the second transport, where all requests get a reply. */
const fallenBack = async () => {
  const first = new MemoryTransport('first', quiet('better'))
  const second = new MemoryTransport('second', quiet('lesser'))
  first.reachable = false
  second.obliging = true
  const client = clientOf({ url, transports: [first, second], upgrade: { min: 1_000, max: 60_000 } })
  const heard: unknown[] = []
  const subscription = client.subscribe('n', (payload) => heard.push(payload))
  await subscription.ready
  return { client, first, second, heard, subscription }
}

/** The same client, with the better transport welcomed and asked to subscribe. The test sends all further replies. */
const halfway = async () => {
  const started = await fallenBack()
  const { client, first, second } = started
  client.send('a', 'before')
  await settle()
  second.peer.frames.length = 0
  first.reachable = true
  second.obliging = false
  await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
  const answer = (transport: MemoryTransport) => {
    const { id } = transport.peer.frames.at(-1) as SubscribeFrame
    transport.peer.message({ type: 'reply', id: id as number })
    return settle()
  }
  return { ...started, answer }
}

const payloads = (frames: readonly ClientFrame[]) =>
  frames.flatMap((frame) => (frame.type === undefined ? [frame.payload] : []))

describe('a better transport', () => {
  test('is tried in the background, with growing waits', async () => {
    const { client, first } = await fallenBack()
    const tries: number[] = []
    for (let second = 0; second <= 15; second++) {
      tries.push(first.peers.length - 1)
      await vi.advanceTimersByTimeAsync(1_000)
    }
    expect(tries).toEqual([0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4])
    expect([client.state, client.transport]).toEqual(['open', 'second'])
  })

  test('that does not answer has no effect on the connection in use', async () => {
    const { client, first, second } = await fallenBack()
    first.silent = true
    await vi.advanceTimersByTimeAsync(9_000)
    client.send('a', 1)
    await settle()
    expect(payloads(second.peer.frames)).toEqual([1])
    await vi.advanceTimersByTimeAsync(2_000)
    expect([first.peers.map(({ ended }) => ended), client.transport]).toEqual([
      ['closed', 'aborted'],
      'second',
    ])
  })

  test('is used once it is welcomed and has all subscriptions, and the events report it', async () => {
    const { client, first, second } = await fallenBack()
    const log: unknown[] = []
    client.on('state', (...args) => log.push(args))
    client.on('open', (connection) => log.push(connection))
    client.on('close', (end) => log.push(end))
    first.reachable = first.obliging = true
    await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
    expect(log).toEqual([
      ['open', { transport: 'first' }],
      { session: 'better', user: null, transport: 'first' },
    ])
    expect([client.transport, client.session, second.peer.ended]).toEqual(['first', 'better', 'closed'])
    expect(first.peer.frames[0]).toMatchObject({ type: 'subscribe', topics: ['n'] })
  })

  test('that refuses this client is not tried again', async () => {
    const { client, first } = await fallenBack()
    first.silent = true
    await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
    const error = { code: 'name_taken', message: 'No' }
    first.peer.message({ type: 'close', error, reconnectAfter: null })
    await vi.advanceTimersByTimeAsync(600_000)
    expect([client.transport, first.peers.length]).toEqual(['second', 2])
  })

  test('that refuses a subscription is not used', async () => {
    const { client, first, second } = await halfway()
    const { id } = first.peer.frames[0] as SubscribeFrame
    client.send('a', 1)
    first.peer.message({ type: 'reply', id: id!, error: { code: 'forbidden', message: 'No' } })
    await settle()
    expect([client.transport, first.peer.ended]).toEqual(['second', 'closed'])
    expect(payloads(second.peer.frames)).toEqual([1])
  })

  test('that does not reply to subscriptions is not used, and held messages leave after the time limit', async () => {
    const { client, first, second } = await halfway()
    client.send('a', 1)
    await vi.advanceTimersByTimeAsync(2_900)
    expect(payloads(second.peer.frames)).toEqual([])
    await vi.advanceTimersByTimeAsync(100)
    expect([client.transport, first.peer.ended]).toEqual(['second', 'closed'])
    expect(payloads(second.peer.frames)).toEqual([1])
  })

  test('that had short-lived connections is used only after 5 s', async () => {
    const first = new MemoryTransport('first')
    const second = new MemoryTransport('second')
    first.obliging = second.obliging = true
    const client = clientOf({ url, transports: [first, second], upgrade: { min: 1_000, max: 60_000 } })
    for (let time = 0; time < 3; time++) {
      await vi.advanceTimersByTimeAsync(100)
      first.peer.close(lost)
    }
    await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
    expect([client.transport, first.peers.length]).toEqual(['second', 4])
    await vi.advanceTimersByTimeAsync(4_900)
    expect(client.transport).toBe('second')
    await vi.advanceTimersByTimeAsync(100)
    expect(client.transport).toBe('first')
  })
})

describe('during a switch', () => {
  test('the application’s messages are sent once and in order, over one of the two connections', async () => {
    verifies('delivery.transport-change.client-messages')
    const { client, first, second, answer } = await halfway()
    client.send('a', 1)
    await answer(first)
    client.send('a', 2)
    expect(payloads(first.peer.frames)).toEqual([])
    await answer(second)
    client.send('a', 3)
    await settle()
    expect([payloads(second.peer.frames), payloads(first.peer.frames)]).toEqual([[], [1, 2, 3]])
  })

  test('a message is delivered once, whether one connection brings it or both', async () => {
    verifies('delivery.transport-change.subscriptions')
    const { first, second, heard, answer } = await halfway()
    const publish = (payload: number, ...transports: MemoryTransport[]) => {
      for (const transport of transports) transport.peer.message({ topic: 'n', payload })
    }
    publish(1, second)
    await answer(first)
    publish(2, second, first)
    publish(3, second)
    expect(heard).toEqual([1, 2, 3])
    await answer(second)
    publish(3, first)
    publish(4, first, second)
    await answer(first)
    publish(4, first)
    expect(heard).toEqual([1, 2, 3, 4, 4])
  })

  test('a pending call gets its reply over the old connection, which closes then', async () => {
    verifies('delivery.transport-change.calls')
    const { client, first, second } = await fallenBack()
    second.obliging = false
    const call = client.call('slow')
    await settle()
    const { id } = second.peer.frames.at(-1)!
    second.obliging = first.reachable = first.obliging = true
    await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
    expect([client.transport, second.peer.ended]).toEqual(['first', 'no'])
    second.peer.message({ type: 'reply', id: id!, payload: 'at last' })
    expect([await call, second.peer.ended]).toEqual(['at last', 'closed'])
  })

  test('a pending call rejects if the old connection is lost, and nothing else happens', async () => {
    const { client, first, second } = await fallenBack()
    second.obliging = false
    const call = client.call('slow')
    const outcome = expect(call).rejects.toMatchObject({ code: 'disconnected' })
    await settle()
    second.obliging = first.reachable = first.obliging = true
    await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
    second.peer.close(lost)
    await outcome
    expect([client.state, client.transport]).toEqual(['open', 'first'])
  })

  test('subscriptions stay active, and new ones are made over the new connection', async () => {
    const { client, first, second, subscription, answer } = await halfway()
    const states: string[] = []
    subscription.on('state', (state) => states.push(state))
    const late = client.subscribe('late', () => {})
    await answer(first)
    first.obliging = true
    await answer(second)
    await late.ready
    expect(first.peer.frames.filter(({ type }) => type === 'subscribe').at(-1)).toMatchObject({
      topics: expect.arrayContaining(['late']),
    })
    expect(states).toEqual([])
  })

  test('a subscription that is cancelled then is cancelled on the server, too', async () => {
    verifies('delivery.transport-change.cancel')
    const { first, second, subscription, answer } = await halfway()
    subscription.cancel()
    await answer(first)
    await answer(second)
    expect(first.peer.frames.slice(0, 2)).toMatchObject([
      { type: 'subscribe', topics: ['n'] },
      { type: 'unsubscribe', topics: ['n'] },
    ])
  })

  test('a subscription that is cancelled then is cancelled on the server, too, if the old connection is lost', async () => {
    const { first, second, subscription } = await halfway()
    subscription.cancel()
    second.peer.close(lost)
    await settle()
    expect(first.peer.frames.at(-1)).toMatchObject({ type: 'unsubscribe', topics: ['n'] })
  })

  test('a message equal to one that came before the switch is delivered', async () => {
    const { first, second, heard, answer } = await fallenBack().then(async (started) => {
      const { first, second } = started
      first.silent = true
      await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
      // While the new connection is dialled, and before it has subscribed.
      for (let tick = 0; tick < 3; tick++) second.peer.message({ topic: 'n', payload: 'tick' })
      second.obliging = false
      first.peer.message(quiet('better'))
      await settle()
      const answer = (transport: MemoryTransport) => {
        const { id } = transport.peer.frames.at(-1) as SubscribeFrame
        transport.peer.message({ type: 'reply', id: id as number })
        return settle()
      }
      return { ...started, answer }
    })
    await answer(first)
    await answer(second)
    first.peer.message({ topic: 'n', payload: 'tick' })
    expect(heard).toEqual(['tick', 'tick', 'tick', 'tick'])
  })

  test('the new connection is used at once if the old one is lost', async () => {
    const { client, first, second, heard } = await halfway()
    const closed = vi.fn()
    client.on('close', closed)
    first.obliging = true
    first.peer.message({ topic: 'n', payload: 'only here' })
    second.peer.close(lost)
    await settle()
    expect([client.state, client.transport, heard]).toEqual(['open', 'first', ['only here']])
    expect(closed).toHaveBeenCalledWith({ error: lost, willReconnect: true, retryIn: 0 })
  })

  test('the client stays open if the server replaces the old connection by the new one', async () => {
    const { client, first, second } = await fallenBack()
    first.silent = true
    await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
    const error = { code: 'replaced', message: 'A newer connection has replaced this one' }
    second.peer.message({ type: 'close', error, reconnectAfter: null })
    expect([client.state, client.transport]).toEqual(['connecting', 'first'])
    first.peer.message(welcome('better'))
    expect([client.state, client.session]).toEqual(['open', 'better'])
  })

  test('close() sends the held messages and leaves no timer or connection', async () => {
    const { client, first, second } = await halfway()
    client.send('a', 'last words')
    client.close()
    expect(payloads(second.peer.frames)).toEqual(['last words'])
    expect([first.peer.ended, second.peer.ended, vi.getTimerCount()]).toEqual(['closed', 'closed', 0])
  })
})
