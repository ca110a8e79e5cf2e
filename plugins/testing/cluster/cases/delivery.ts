import { expect } from 'vitest'
import type { ClusterCase } from '../cluster-case.ts'

const ONCE = 'Each session that subscribes to one of the topics MUST get the message once'

export const delivery: readonly ClusterCase[] = [
  {
    name: "a session gets a message once, however many of its patterns and of the event's topics match",
    async run(context) {
      const [a, b, c] = await context.startTrio()
      const many = await b.open('a/b', 'a/*', '*', '*/b', 'c/d')
      const one = await b.open('c/*')
      const none = await b.open('a', 'a/b/c', 'c/d/*', 'd/*')
      const elsewhere = await c.open('*/d', 'a/*')
      await context.settle(a, b, c)
      const numbers = Array.from({ length: 20 }, (_, index) => index)
      for (const payload of numbers) await a.app.publish({ topics: ['a/b', 'c/d'], payload })
      for (const peer of [many, one, elsewhere]) {
        await context.until(() => expect(peer.received().length, ONCE).toBeGreaterThanOrEqual(numbers.length))
      }
      await context.settle(a, b, c)
      for (const peer of [many, one, elsewhere]) expect(peer.received(), ONCE).toEqual(numbers)
      expect(none.received(), 'A session MUST NOT get a message that matches none of its patterns').toEqual(
        [],
      )
    },
  },
  {
    name: 'a message that any node publishes after the reply to subscribe arrives',
    async run(context) {
      const nodes = await context.startTrio()
      const [a, b, c] = nodes
      const peer = await b.open()
      const requirement =
        'ClusterBackend.settled MUST resolve when messages that other nodes publish from then on arrive'
      for (let id = 1; id <= 20; id++) {
        peer.session.receive({ type: 'subscribe', id, topics: [`news/${id}`] })
        await context.until(() =>
          expect(peer.frames, 'The session MUST get a reply to subscribe').toContainEqual(
            expect.objectContaining({ type: 'reply', id }),
          ),
        )
        for (const { app } of nodes) void app.publish(`news/${id}`, app.cluster.node)
        await context.until(() => {
          const received = peer.received(`news/${id}`).sort()
          expect(received, requirement).toEqual([a.id, b.id, c.id].sort())
        })
      }
    },
  },
  {
    name: 'a message to a user arrives that any node sends after welcome',
    async run(context) {
      const [a, b] = await context.startPair()
      for (let n = 0; n < 20; n++) {
        const peer = await b.openAs(`user ${n}`)
        const requirement =
          'ClusterBackend.settled MUST resolve when the other nodes find the sessions at an address'
        const sent = a.app.send({ user: `user ${n}` }, 'inbox', n).then(({ sessions }) => sessions)
        expect(await sent.catch(({ code }) => code), requirement).toBe(1)
        await context.until(() => expect(peer.received(), requirement).toEqual([n]))
      }
    },
  },
  {
    name: 'sessions on the publishing node get a message once',
    async run(context) {
      const [a, b] = await context.startPair()
      const own = await a.open('news/*')
      const other = await b.open('news/*')
      await context.settle(a, b)
      for (let payload = 0; payload < 20; payload++) await a.app.publish('news/today', payload)
      await context.until(() => expect(other.received(), ONCE).toHaveLength(20))
      await context.settle(a, b)
      expect(
        own.received(),
        'The backend MUST NOT deliver on the publishing node: the app does that',
      ).toHaveLength(20)
      expect(other.received(), ONCE).toHaveLength(20)
    },
  },
  {
    name: 'a session gets no message after it has unsubscribed',
    async run(context) {
      const [a, b] = await context.startPair()
      const leaving = await b.open('news', 'marker')
      const staying = await b.open('news')
      await context.settle(a, b)
      await a.app.publish('news', 'before')
      await context.until(() => expect(leaving.received(), ONCE).toEqual(['before']))
      leaving.session.unsubscribe('news')
      await context.settle(a, b)
      await a.app.publish('news', 'after')
      await a.app.publish('marker', 'marker')
      await context.until(() => expect(leaving.received('marker'), ONCE).toEqual(['marker']))
      await context.until(() => expect(staying.received(), ONCE).toEqual(['before', 'after']))
      expect(leaving.received(), 'A session MUST get no message after it has unsubscribed').toEqual([
        'before',
        'marker',
      ])
    },
  },
  {
    name: 'the session in except does not get the message, on any node',
    async run(context) {
      const [a, b] = await context.startPair()
      const [here, there, also] = [await a.open('news'), await b.open('news'), await b.open('news')]
      await context.settle(a, b)
      const topics = ['news']
      await a.app.publish({ topics, payload: 'not there', except: there.session.id })
      await a.app.publish({ topics, payload: 'not here', except: here.session.id })
      await a.app.publish({ topics, payload: 'all' })
      await context.until(() => expect(also.received(), ONCE).toEqual(['not there', 'not here', 'all']))
      await context.until(() => expect(there.received().at(-1), ONCE).toBe('all'))
      const requirement = 'The session in ClusterMessage.except MUST NOT get the message'
      expect(there.received(), requirement).toEqual(['not here', 'all'])
      expect(here.received(), requirement).toEqual(['not there', 'all'])
    },
  },
  {
    name: 'internal events do not reach sessions',
    async run(context) {
      const [a, b] = await context.startPair()
      const peer = await b.open('orders/*')
      const { payloads } = b.listen('orders/*', { source: 'all' })
      await context.settle(a, b)
      a.app.bus.publish('orders/1', 'internal')
      await context.until(() =>
        expect(payloads, 'Listeners of other nodes MUST get the event').toEqual(['internal']),
      )
      await a.app.publish('orders/2', 'for clients')
      await context.until(() => expect(peer.received(), ONCE).toContain('for clients'))
      expect(peer.received(), 'An event without a client message MUST NOT reach sessions').toEqual([
        'for clients',
      ])
    },
  },
  {
    name: 'a wildcard does not match a topic whose first segment begins with $',
    async run(context) {
      const [a, b] = await context.startPair()
      const wild = await b.open('*', '*/x', 'a/*')
      const named = await b.open('$sys/*', '$sys')
      await context.settle(a, b)
      for (const topic of ['$sys/x', '$sys', 'a/$x', 'last']) await a.app.publish(topic, topic)
      await context.until(() => expect(wild.received(), ONCE).toContain('last'))
      await context.until(() => expect(named.received().sort(), ONCE).toEqual(['$sys', '$sys/x']))
      await context.settle(a, b)
      expect(
        wild.received().sort(),
        'Wildcards MUST NOT match $ in the first segment, and MUST match it in a later one',
      ).toEqual(['a/$x', 'last'])
    },
  },
  {
    name: 'interest is reference-counted: a pattern is delivered until its last reference is removed',
    async run(context) {
      const [a, b] = await context.startPair()
      const peer = await b.open('news')
      // Like a plugin that has an interest in the same pattern.
      b.backend.interest('news', true)
      b.backend.interest('news', true)
      b.backend.interest('news', false)
      b.backend.interest('news', false)
      await context.settle(a, b)
      await a.app.publish('news', 'still wanted')
      const requirement =
        'ClusterBackend.interest MUST count: each call adds or removes one reference to a pattern'
      await context.until(() => expect(peer.received(), requirement).toEqual(['still wanted']))
    },
  },
]
