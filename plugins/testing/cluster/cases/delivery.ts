import { expect } from 'vitest'
import type { ClusterCase } from '../cluster-case.ts'

const ONCE = 'Sessions that subscribe to one of the topics get the message, each once'

export const delivery: readonly ClusterCase[] = [
  {
    name: "a session gets a message once, whichever of its patterns and of the event's topics match",
    async run(trial) {
      const [a, b, c] = await trial.trio()
      const many = await b.open('a/b', 'a/*', '*', '*/b', 'c/d')
      const one = await b.open('c/*')
      const none = await b.open('a', 'a/b/c', 'c/d/*', 'd/*')
      const elsewhere = await c.open('*/d', 'a/*')
      await trial.settle(a, b, c)
      const numbers = Array.from({ length: 20 }, (_, index) => index)
      for (const payload of numbers) await a.app.publish({ topics: ['a/b', 'c/d'], payload })
      for (const peer of [many, one, elsewhere]) {
        await trial.until(() => expect(peer.got().length, ONCE).toBeGreaterThanOrEqual(numbers.length))
      }
      await trial.settle(a, b, c)
      for (const peer of [many, one, elsewhere]) expect(peer.got(), ONCE).toEqual(numbers)
      expect(none.got(), 'Nobody gets what no pattern of theirs matches').toEqual([])
    },
  },
  {
    name: "the publisher's own sessions get a message once too",
    async run(trial) {
      const [a, b] = await trial.pair()
      const own = await a.open('news/*')
      const other = await b.open('news/*')
      await trial.settle(a, b)
      for (let payload = 0; payload < 20; payload++) await a.app.publish('news/today', payload)
      await trial.until(() => expect(other.got(), ONCE).toHaveLength(20))
      await trial.settle(a, b)
      expect(own.got(), 'The app delivers locally by itself: the backend MUST NOT do it too').toHaveLength(20)
      expect(other.got(), ONCE).toHaveLength(20)
    },
  },
  {
    name: 'a session that no longer subscribes gets nothing more',
    async run(trial) {
      const [a, b] = await trial.pair()
      const leaving = await b.open('news', 'marker')
      const staying = await b.open('news')
      await trial.settle(a, b)
      await a.app.publish('news', 'before')
      await trial.until(() => expect(leaving.got(), ONCE).toEqual(['before']))
      leaving.session.unsubscribe('news')
      await trial.settle(a, b)
      await a.app.publish('news', 'after')
      await a.app.publish('marker', 'marker')
      await trial.until(() => expect(leaving.got('marker'), ONCE).toEqual(['marker']))
      await trial.until(() => expect(staying.got(), ONCE).toEqual(['before', 'after']))
      expect(leaving.got(), 'Who no longer subscribes gets nothing more').toEqual(['before', 'marker'])
    },
  },
  {
    name: 'the session that a message excepts does not get it, on whichever node it is',
    async run(trial) {
      const [a, b] = await trial.pair()
      const [here, there, also] = [await a.open('news'), await b.open('news'), await b.open('news')]
      await trial.settle(a, b)
      const topics = ['news']
      await a.app.publish({ topics, payload: 'not there', except: there.session.id })
      await a.app.publish({ topics, payload: 'not here', except: here.session.id })
      await a.app.publish({ topics, payload: 'all' })
      await trial.until(() => expect(also.got(), ONCE).toEqual(['not there', 'not here', 'all']))
      await trial.until(() => expect(there.got().at(-1), ONCE).toBe('all'))
      const demand = 'ClusterMessage.except names the session that does not get it'
      expect(there.got(), demand).toEqual(['not here', 'all'])
      expect(here.got(), demand).toEqual(['not there', 'all'])
    },
  },
  {
    name: 'internal events do not reach sessions',
    async run(trial) {
      const [a, b] = await trial.pair()
      const peer = await b.open('orders/*')
      const { payloads } = b.hear('orders/*', { scope: 'all' })
      await trial.settle(a, b)
      a.app.bus.publish('orders/1', 'internal')
      await trial.until(() => expect(payloads, 'Listeners of other nodes hear it').toEqual(['internal']))
      await a.app.publish('orders/2', 'for clients')
      await trial.until(() => expect(peer.got(), ONCE).toContain('for clients'))
      expect(peer.got(), 'An event without a client message MUST NOT reach sessions').toEqual(['for clients'])
    },
  },
  {
    name: 'a wildcard does not match a topic whose first segment begins with $',
    async run(trial) {
      const [a, b] = await trial.pair()
      const wild = await b.open('*', '*/x', 'a/*')
      const named = await b.open('$sys/*', '$sys')
      await trial.settle(a, b)
      for (const topic of ['$sys/x', '$sys', 'a/$x', 'last']) await a.app.publish(topic, topic)
      await trial.until(() => expect(wild.got(), ONCE).toContain('last'))
      await trial.until(() => expect(named.got().sort(), ONCE).toEqual(['$sys', '$sys/x']))
      await trial.settle(a, b)
      expect(wild.got().sort(), 'Wildcards do not match $ topics, and match $ further on').toEqual([
        'a/$x',
        'last',
      ])
    },
  },
  {
    name: 'interest is counted: a pattern stays wanted until all who want it no longer do',
    async run(trial) {
      const [a, b] = await trial.pair()
      const peer = await b.open('news')
      // As a plugin that wants the same pattern for itself.
      b.backend.interest('news', true)
      b.backend.interest('news', true)
      b.backend.interest('news', false)
      b.backend.interest('news', false)
      await trial.settle(a, b)
      await a.app.publish('news', 'still wanted')
      const demand = 'ClusterBackend.interest tells that one more wants a pattern, or one less'
      await trial.until(() => expect(peer.got(), demand).toEqual(['still wanted']))
    },
  },
]
