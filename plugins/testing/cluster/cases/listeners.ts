import { expect } from 'vitest'
import type { ClusterCase } from '../cluster-case.ts'

const ONCE = 'Listeners with scope all MUST hear the events of every node, each once'

export const listeners: readonly ClusterCase[] = [
  {
    name: 'a listener hears the events of its own node, or of every node, as its scope says, each once',
    async run(trial) {
      const nodes = await trial.trio()
      const hearings = nodes.map((node) => ({
        id: node.id,
        own: node.hear('orders/*', { scope: 'node' }),
        all: node.hear('orders/*', { scope: 'all' }),
        other: node.hear(['orders', 'bills/*'], { scope: 'all' }),
      }))
      await trial.settle(...nodes)
      for (let n = 0; n < 10; n++) for (const { app, id } of nodes) app.bus.publish(`orders/${n}`, id)
      for (const { all } of hearings) await trial.until(() => expect(all.payloads, ONCE).toHaveLength(30))
      await trial.settle(...nodes)
      for (const { id, own, all, other } of hearings) {
        expect(all.payloads, ONCE).toHaveLength(30)
        for (const node of nodes) {
          expect(
            all.payloads.filter((from) => from === node.id),
            ONCE,
          ).toHaveLength(10)
        }
        const demand = 'Listeners with scope node MUST hear the events of their own node only'
        expect(own.payloads, demand).toEqual(Array(10).fill(id))
        expect(other.payloads, 'No listener hears what no pattern of its own matches').toEqual([])
      }
    },
  },
  {
    name: "an event reaches a listener once, whichever of its patterns and of the event's topics match",
    async run(trial) {
      const [a, b] = await trial.pair()
      const many = b.hear(['a/b', 'a/*', '*', '*/b', 'c/d'], { scope: 'all' })
      const one = b.hear('c/*', { scope: 'all' })
      const group = b.hear(['a/b', 'a/*', 'c/*'], { scope: 'cluster', group: 'work' })
      await trial.settle(a, b)
      const numbers = Array.from({ length: 20 }, (_, index) => index)
      for (const payload of numbers) a.app.bus.publish({ topics: ['a/b', 'c/d'], payload })
      for (const { payloads } of [many, one, group]) {
        await trial.until(() => expect(payloads.length, ONCE).toBeGreaterThanOrEqual(numbers.length))
      }
      await trial.settle(a, b)
      for (const { payloads } of [many, one, group])
        expect([...payloads].sort(), ONCE).toEqual([...numbers].sort())
    },
  },
  {
    name: 'events come to other nodes with their topics, payload and actor, those for clients with their message',
    async run(trial) {
      const [a, b] = await trial.pair()
      const everywhere = b.hear('orders/*', { scope: 'all' })
      const group = b.hear('orders/*', { scope: 'cluster' })
      await trial.settle(a, b)
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
        await trial.until(() => expect(events, 'Events MUST cross whole').toHaveLength(2))
        for (const event of due) expect(events, 'Events MUST cross whole').toContainEqual(event)
      }
      a.app.bus.publish('orders/8')
      await trial.until(() => expect(everywhere.events, 'Events MUST cross whole').toHaveLength(3))
      expect(everywhere.payloads, 'A payload that is absent MUST stay absent').toContain(undefined)
    },
  },
  {
    name: 'a listener of events for clients only hears no others of any node',
    async run(trial) {
      const [a, b] = await trial.pair()
      const { payloads, subscription } = b.hear('orders/*', { scope: 'all' })
      subscription.clientOnly()
      const everything = b.hear('orders/*', { scope: 'all' })
      await trial.settle(a, b)
      a.app.bus.publish('orders/1', 'internal')
      await a.app.publish('orders/1', 'for clients')
      await trial.until(() => expect(everything.payloads, ONCE).toHaveLength(2))
      expect(payloads, 'An event MUST keep its client message').toEqual(['for clients'])
    },
  },
  {
    name: 'what listeners want is counted: a pattern stays wanted until all who want it no longer do',
    async run(trial) {
      const [a, b] = await trial.pair()
      const first = b.hear('orders/*', { scope: 'all' })
      const second = b.hear('orders/*', { scope: 'all' })
      const third = b.hear('orders/*', { scope: 'cluster', group: 'orders/*' })
      first.subscription.cancel()
      await trial.settle(a, b)
      a.app.bus.publish('orders/1', 'still wanted')
      const demand = 'ClusterBackend.listen tells that one more wants a pattern, or one less'
      for (const { payloads } of [second, third]) {
        await trial.until(() => expect(payloads, demand).toEqual(['still wanted']))
      }
      second.subscription.cancel()
      await trial.settle(a, b)
      a.app.bus.publish('orders/2', 'for the group')
      await trial.until(() => expect(third.payloads, demand).toEqual(['still wanted', 'for the group']))
      expect(first.payloads, 'A listener that has cancelled hears nothing more').toEqual([])
      expect(second.payloads, 'A listener that has cancelled hears nothing more').toEqual(['still wanted'])
    },
  },
  {
    name: 'an event that cannot be written as JSON is still heard on its own node',
    async run(trial) {
      const [a, b] = await trial.pair()
      const own = a.hear('orders/*', { scope: 'node' })
      const all = a.hear('orders/*', { scope: 'all' })
      const other = b.hear('orders/*', { scope: 'all' })
      await trial.settle(a, b)
      const circle: Record<string, unknown> = {}
      circle.self = circle
      const demand = 'ClusterBackend.emit MUST NOT throw'
      for (const payload of [circle, 1n])
        expect(() => a.app.bus.publish('orders/1', payload), demand).not.toThrow()
      a.app.bus.publish('orders/2', 'fine')
      await trial.until(() => expect(own.payloads, demand).toEqual([circle, 1n, 'fine']))
      await trial.until(() => expect(all.payloads, demand).toEqual([circle, 1n, 'fine']))
      await trial.until(() => expect(other.payloads, ONCE).toContain('fine'))
    },
  },
]
