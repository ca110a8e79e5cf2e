import { afterEach, describe, expect, it, vi } from 'vitest'
import { Bus } from '../../../core/bus/bus.ts'
import type { Event } from '../../../core/bus/event.ts'
import type { BusOptions } from '../../../core/bus/listener.ts'
import { verifies } from '../../requirements.ts'
import { recordingLogger } from '../../support/app.ts'

const createBus = (options?: BusOptions) => {
  const logger = recordingLogger()
  return { bus: new Bus(logger, options), lines: logger.lines }
}

/** Resolves when all events published so far have been delivered. */
const delivered = (bus: Bus) => bus.publishAndWait('barrier')

/** A listener that collects the payloads. */
const collector = () => {
  const payloads: unknown[] = []
  return { payloads, listener: (event: Event) => void payloads.push(event.payload) }
}

afterEach(() => vi.useRealTimers())

describe('publish', () => {
  it('never calls a listener before it returns', async () => {
    const { bus } = createBus()
    const listener = vi.fn()
    bus.subscribe('a', listener)
    bus.publish('a', 1)
    expect(listener).not.toHaveBeenCalled()
    await delivered(bus)
    expect(listener).toHaveBeenCalledOnce()
  })

  it('calls listeners in publish order, across topics and ways to publish', async () => {
    verifies('delivery.bus.order')
    const { bus } = createBus()
    const { payloads, listener } = collector()
    bus.subscribe('*', listener)
    bus.publish('a', 0)
    bus.publish({ topics: ['b/c'], payload: 1 })
    void bus.publishAndWait('a', 2)
    for (let number = 3; number < 3000; number++) bus.publish(number % 2 ? 'a' : 'b', number)
    await vi.waitFor(() => expect(payloads).toHaveLength(3000))
    expect(payloads).toEqual([...payloads.keys()])
  })

  it('delivers an event of a listener after the events published before it', async () => {
    const { bus } = createBus()
    const { payloads, listener } = collector()
    bus.subscribe('a', () => bus.publish('b', 'from the listener'))
    bus.subscribe('b', listener)
    bus.publish('a')
    bus.publish('b', 'before')
    await vi.waitFor(() => expect(payloads).toEqual(['before', 'from the listener']))
  })

  it.each([
    [{ topics: ['a'], payload: 1, exept: 'one' }, "An event has no field 'exept'"],
    [{ topics: ['a'], payload: 1, client: { tpic: 'b' } }, "`client` of an event has no field 'tpic'"],
  ])('refuses a field that an event does not have: %j', (event, message) => {
    const { bus } = createBus()
    const refused = { code: 'invalid_option', message: expect.stringContaining(message) }
    expect(() => bus.publish(event as never)).toThrow(expect.objectContaining(refused))
  })

  it('reaches a subscription once, however many patterns and topics match', async () => {
    verifies('delivery.bus.once')
    const { bus } = createBus()
    const listener = vi.fn()
    bus.subscribe(listener).add('a/b').add('a/*').add('*').add('c').all()
    await bus.publishAndWait({ topics: ['a/b', 'c', 'a/b'], payload: 1 })
    expect(listener).toHaveBeenCalledOnce()
  })

  it('reaches each subscription, even if several share a listener', async () => {
    const { bus } = createBus()
    const listener = vi.fn()
    bus.subscribe('a', listener)
    bus.subscribe('a', listener)
    await bus.publishAndWait('a')
    expect(listener).toHaveBeenCalledTimes(2)
  })

  it('passes listeners the topics, the payload, the actor and the client message', async () => {
    const { bus } = createBus()
    const events: Event[] = []
    bus.subscribe('*', (event) => events.push(event))
    const actor = { session: 's1', user: 'alice' }
    bus.publish('a')
    bus.publish({ topics: ['a', 'b'], payload: 1, actor, client: {} })
    bus.publish({ topics: ['a'], payload: 1, client: { topic: 'user:updated' } })
    bus.publish({ topics: ['a'], payload: 1, client: { payload: undefined } })
    await delivered(bus)
    expect(events.slice(0, -1)).toEqual([
      { topics: ['a'], payload: undefined, actor: null, client: null, except: null },
      { topics: ['a', 'b'], payload: 1, actor, client: { topic: 'a', payload: 1 }, except: null },
      { topics: ['a'], payload: 1, actor: null, client: { topic: 'user:updated', payload: 1 }, except: null },
      { topics: ['a'], payload: 1, actor: null, client: { topic: 'a', payload: undefined }, except: null },
    ])
  })

  it.each([
    ['a bad topic', 'a//b'],
    ['a wildcard', 'a/*'],
    ['undefined', undefined],
    ['null', null],
    ['no topics', { topics: [], payload: 1 }],
    ['topics that are not an array', { topics: 'a', payload: 1 }],
    ['one bad topic of several', { topics: ['a', ''], payload: 1 }],
    ['a bad client topic', { topics: ['a'], payload: 1, client: { topic: 'a b' } }],
  ])('refuses %s at once, and publishAndWait rejects', async (_what, input) => {
    const { bus } = createBus()
    const invalid = expect.objectContaining({ code: 'invalid_topic' })
    expect(() => bus.publish(input as string)).toThrow(invalid)
    await expect(bus.publishAndWait(input as string)).rejects.toEqual(invalid)
  })

  it('delivers $ topics to all() and to patterns that name the first segment, not to wildcards', async () => {
    const { bus } = createBus()
    const [named, under, wild, all] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()]
    bus.subscribe('$node/joined', named)
    bus.subscribe('$node/*', under)
    bus.subscribe('*', wild)
    bus.subscribe('*/joined', wild)
    bus.subscribe(all).all()
    await bus.publishAndWait('$node/joined')
    expect([named, under, all].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 1])
    expect(wild).not.toHaveBeenCalled()
  })
})

describe('a subscription', () => {
  it('does not get events published before it began', async () => {
    const { bus } = createBus()
    const { payloads, listener } = collector()
    bus.subscribe('a', () => {})
    bus.publish('a', 'before')
    bus.subscribe('a', listener)
    bus.publish('a', 'after')
    await delivered(bus)
    expect(payloads).toEqual(['after'])
  })

  it('gets nothing after cancel, not even events published before', async () => {
    const { bus } = createBus()
    const listener = vi.fn()
    const subscription = bus.subscribe('a', listener)
    bus.publish('a')
    subscription.cancel()
    bus.publish('a')
    await delivered(bus)
    expect(listener).not.toHaveBeenCalled()
  })

  it('may be cancelled by a listener that is called before it', async () => {
    const { bus } = createBus()
    const listener = vi.fn()
    bus.subscribe('a', () => second.cancel())
    const second = bus.subscribe('a', listener)
    await bus.publishAndWait('a')
    expect(listener).not.toHaveBeenCalled()
  })

  it('ignores add() and all() after cancel', async () => {
    const { bus } = createBus()
    const listener = vi.fn()
    const subscription = bus.subscribe('a', listener)
    subscription.cancel()
    subscription.cancel()
    subscription.add('a').all()
    await bus.publishAndWait('a')
    expect(listener).not.toHaveBeenCalled()
    expect(bus.size).toEqual({ patterns: 0, nodes: 0 })
  })

  it('gets events of added patterns, and none of removed ones', async () => {
    const { bus } = createBus()
    const { payloads, listener } = collector()
    const subscription = bus.subscribe('a', listener).add('b').add('b').remove('a').remove('never')
    bus.publish('a', 'a')
    bus.publish('b', 'b')
    subscription.remove('b')
    bus.publish('b', 'too late')
    await delivered(bus)
    expect(payloads).toEqual(['b'])
  })

  it('gets nothing without a pattern, and everything after all()', async () => {
    const { bus } = createBus()
    const { payloads, listener } = collector()
    const subscription = bus.subscribe(listener)
    await bus.publishAndWait('a', 1)
    subscription.all()
    await bus.publishAndWait('a', 2)
    await bus.publishAndWait('$user/alice', 3)
    expect(payloads).toEqual([2, 3])
  })

  it('gets only events with a client message after clientOnly()', async () => {
    const { bus } = createBus()
    const { payloads, listener } = collector()
    bus.subscribe('a', listener).clientOnly()
    await bus.publishAndWait('a', 'internal')
    await bus.publishAndWait({ topics: ['a'], payload: 'for clients', client: {} })
    expect(payloads).toEqual(['for clients'])
  })

  it('is refused without a listener or with an invalid pattern, and leaves nothing behind', () => {
    const { bus } = createBus()
    const invalid = expect.objectContaining({ code: 'invalid_option' })
    for (const wrong of [undefined, null, 'a', {}]) {
      expect(() => bus.subscribe('a', wrong as never)).toThrow(invalid)
      expect(() => bus.subscribe(wrong as never)).toThrow(invalid)
    }
    const listener = vi.fn()
    for (const pattern of ['', 'a*', 'a b']) {
      expect(() => bus.subscribe(pattern, listener)).toThrow(
        expect.objectContaining({ code: 'invalid_pattern' }),
      )
    }
    expect(bus.size).toEqual({ patterns: 0, nodes: 0 })
  })

  it('keeps its patterns if an added one is invalid', async () => {
    const { bus } = createBus()
    const listener = vi.fn()
    const subscription = bus.subscribe('a', listener)
    expect(() => subscription.add('a*')).toThrow(expect.objectContaining({ code: 'invalid_pattern' }))
    await bus.publishAndWait('a')
    expect(listener).toHaveBeenCalledOnce()
  })
})
