import { describe, expect, test, vi } from 'vitest'
import { RookeryError } from '../../../client/index.ts'
import { verifies } from '../../requirements.ts'
import { answer, FIRST_TRY_MS, fallenBack, halfway, payloads, quiet, settle } from './fallen-back.ts'
import { type MemoryTransport, useFakeClock, welcome } from './support.ts'

const lost = new RookeryError('disconnected')

useFakeClock()

describe('during a switch', () => {
  test('the application’s messages are sent once and in order, over one of the two connections', async () => {
    verifies('delivery.transport-change.client-messages')
    const { client, first, second } = await halfway()
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
    const { first, second, heard } = await halfway()
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
    const { client, first, second, subscription } = await halfway()
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
    const { first, second, subscription } = await halfway()
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
    expect(first.peer.frames).toContainEqual(expect.objectContaining({ type: 'unsubscribe', topics: ['n'] }))
  })

  test('the new connection subscribes to nothing before the old one has its reply', async () => {
    verifies('delivery.transport-change.subscriptions')
    const { client, first, second, heard } = await fallenBack()
    second.obliging = false
    client.subscribe('late', (payload) => heard.push(payload))
    first.reachable = first.obliging = true
    await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
    expect(first.peer.frames).toEqual([])
    const [subscribe, barrier] = second.peer.frames.slice(-2)
    second.obliging = true
    for (const frame of [subscribe, barrier]) second.peer.message({ type: 'reply', id: frame!.id! })
    await settle()
    expect([client.transport, first.peer.frames[0]]).toMatchObject(['first', { topics: ['n', 'late'] }])
  })

  test('a message comes once if the old connection brought it and is lost before the new one brings it', async () => {
    verifies('delivery.transport-change.subscriptions')
    const { first, second, heard } = await halfway()
    second.peer.message({ topic: 'n', payload: 1 })
    second.peer.close(lost)
    first.peer.message({ topic: 'n', payload: 1 })
    first.peer.message({ topic: 'n', payload: 2 })
    await settle()
    expect(heard).toEqual([1, 2])
  })

  test('a message equal to one that came before the switch is delivered', async () => {
    const { first, second, heard } = await fallenBack()
    first.silent = true
    await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
    // While the new connection is dialled, and before it has subscribed.
    for (let tick = 0; tick < 3; tick++) second.peer.message({ topic: 'n', payload: 'tick' })
    second.obliging = false
    first.peer.message(quiet('better'))
    await settle()
    await answer(second)
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
