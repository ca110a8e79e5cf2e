import { expect } from 'vitest'
import type { ClusterCase } from '../cluster-case.ts'

/** Together more than 1 MiB, which is the limit of many brokers for one message. */
const MANY_LISTENERS = 10_000

const ONCE = 'Listeners for all nodes MUST get each event of every node once'

export const listeners: readonly ClusterCase[] = [
  {
    name: 'a listener gets the events of its own node or of every node, as it chose, each once',
    async run(context) {
      const nodes = await context.startTrio()
      const listeners = nodes.map((node) => ({
        id: node.id,
        own: node.listen('orders/*', { source: 'node' }),
        all: node.listen('orders/*', { source: 'all' }),
        other: node.listen(['orders', 'bills/*'], { source: 'all' }),
      }))
      await context.settle(...nodes)
      for (let n = 0; n < 10; n++) for (const { app, id } of nodes) app.bus.publish(`orders/${n}`, id)
      for (const { all } of listeners) await context.until(() => expect(all.payloads, ONCE).toHaveLength(30))
      await context.settle(...nodes)
      for (const { id, own, all, other } of listeners) {
        expect(all.payloads, ONCE).toHaveLength(30)
        for (const node of nodes) {
          expect(
            all.payloads.filter((from) => from === node.id),
            ONCE,
          ).toHaveLength(10)
        }
        const requirement = 'Listeners for their own node MUST get only its events'
        expect(own.payloads, requirement).toEqual(Array(10).fill(id))
        expect(other.payloads, 'A listener MUST NOT get an event that matches none of its patterns').toEqual(
          [],
        )
      }
    },
  },
  {
    name: "a listener gets an event once, however many of its patterns and of the event's topics match",
    async run(context) {
      const [a, b] = await context.startPair()
      const many = b.listen(['a/b', 'a/*', '*', '*/b', 'c/d'], { source: 'all' })
      const one = b.listen('c/*', { source: 'all' })
      const group = b.listen(['a/b', 'a/*', 'c/*'], { source: 'cluster', group: 'work' })
      await context.settle(a, b)
      const numbers = Array.from({ length: 20 }, (_, index) => index)
      for (const payload of numbers) a.app.bus.publish({ topics: ['a/b', 'c/d'], payload })
      for (const { payloads } of [many, one, group]) {
        await context.until(() => expect(payloads.length, ONCE).toBeGreaterThanOrEqual(numbers.length))
      }
      await context.settle(a, b)
      for (const { payloads } of [many, one, group])
        expect([...payloads].sort(), ONCE).toEqual([...numbers].sort())
    },
  },
  {
    name: 'events reach other nodes with their topics, payload, actor and client message',
    async run(context) {
      const [a, b] = await context.startPair()
      const everywhere = b.listen('orders/*', { source: 'all' })
      const group = b.listen('orders/*', { source: 'cluster' })
      await context.settle(a, b)
      const actor = { session: `${a.id}-1`, user: 'ada' }
      const topics = ['orders/7', "users/ada's/漢.>"]
      const payload = { id: 7, nested: [null, { text: 'Grüße\n😀' }], large: 'x'.repeat(60_000) }
      a.app.bus.publish({ topics, payload, actor })
      const shown = { topic: 'order:made', payload: 7 }
      await a.app.publish({ topics, payload: null, client: shown, except: `${a.id}-1` })
      const base = { topics, actor: null, client: null, except: null }
      const due = [
        { ...base, payload, actor },
        { ...base, payload: null, client: shown, except: `${a.id}-1` },
      ]
      for (const { events } of [everywhere, group]) {
        await context.until(() => expect(events, 'Events MUST arrive unchanged').toHaveLength(2))
        for (const event of due) expect(events, 'Events MUST arrive unchanged').toContainEqual(event)
      }
      a.app.bus.publish('orders/8')
      await context.until(() => expect(everywhere.events, 'Events MUST arrive unchanged').toHaveLength(3))
      expect(everywhere.payloads, 'An absent payload MUST stay absent').toContain(undefined)
    },
  },
  {
    name: 'a listener with clientOnly() gets only events with a client message, from every node',
    async run(context) {
      const [a, b] = await context.startPair()
      const { payloads, subscription } = b.listen('orders/*', { source: 'all' })
      subscription.clientOnly()
      const everything = b.listen('orders/*', { source: 'all' })
      await context.settle(a, b)
      a.app.bus.publish('orders/1', 'internal')
      await a.app.publish('orders/1', 'for clients')
      await context.until(() => expect(everything.payloads, ONCE).toHaveLength(2))
      expect(payloads, 'An event MUST keep its client message').toEqual(['for clients'])
    },
  },
  {
    name: 'listeners are reference-counted: a pattern is delivered until its last listener cancels',
    async run(context) {
      const [a, b] = await context.startPair()
      const first = b.listen('orders/*', { source: 'all' })
      const second = b.listen('orders/*', { source: 'all' })
      const third = b.listen('orders/*', { source: 'cluster', group: 'orders/*' })
      first.subscription.cancel()
      await context.settle(a, b)
      a.app.bus.publish('orders/1', 'still wanted')
      const requirement =
        'ClusterBackend.listen MUST count: each call adds or removes one reference to a pattern'
      for (const { payloads } of [second, third]) {
        await context.until(() => expect(payloads, requirement).toEqual(['still wanted']))
      }
      second.subscription.cancel()
      await context.settle(a, b)
      a.app.bus.publish('orders/2', 'for the group')
      await context.until(() =>
        expect(third.payloads, requirement).toEqual(['still wanted', 'for the group']),
      )
      expect(first.payloads, 'A cancelled listener MUST get no more events').toEqual([])
      expect(second.payloads, 'A cancelled listener MUST get no more events').toEqual(['still wanted'])
    },
  },
  {
    name: 'an event that cannot be written as JSON still reaches the listeners of its own node',
    async run(context) {
      const [a, b] = await context.startPair()
      const own = a.listen('orders/*', { source: 'node' })
      const all = a.listen('orders/*', { source: 'all' })
      const other = b.listen('orders/*', { source: 'all' })
      await context.settle(a, b)
      const circle: Record<string, unknown> = {}
      circle.self = circle
      const requirement = 'ClusterBackend.emit MUST NOT throw'
      for (const payload of [circle, 1n])
        expect(() => a.app.bus.publish('orders/1', payload), requirement).not.toThrow()
      a.app.bus.publish('orders/2', 'fine')
      await context.until(() => expect(own.payloads, requirement).toEqual([circle, 1n, 'fine']))
      await context.until(() => expect(all.payloads, requirement).toEqual([circle, 1n, 'fine']))
      await context.until(() => expect(other.payloads, ONCE).toContain('fine'))
    },
  },
  {
    name: 'a node may have very many listeners: they get the events of nodes that start before and after it',
    async run(context) {
      const [a, b] = await context.startPair()
      const patterns = Array.from({ length: MANY_LISTENERS }, (_, n) => `many/${'x'.repeat(100)}/${n}`)
      const { payloads } = b.listen(patterns, { source: 'all' })
      await context.settle(a, b)
      const last = patterns.at(-1) as string
      a.app.bus.publish(last, 'a')
      await context.until(() => expect(payloads, ONCE).toEqual(['a']))
      const c = await context.startNode()
      c.app.bus.publish(last, 'c')
      await context.until(() => expect(payloads, ONCE).toEqual(['a', 'c']))
      await context.settle(a, b, c)
      expect(payloads, ONCE).toEqual(['a', 'c'])
    },
  },
]
