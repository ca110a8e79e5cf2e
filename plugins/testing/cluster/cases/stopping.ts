import { expect } from 'vitest'
import type { ClusterMessage } from '../../../../core/cluster/cluster.ts'
import { codeOf } from '../../rejection-code.ts'
import { resources, untilNoMore } from '../../resources.ts'
import type { ClusterCase } from '../cluster-case.ts'

const STOPS = 'ClusterBackend.stop resolves'

export const stopping: readonly ClusterCase[] = [
  {
    name: 'a node that has stopped is asked nothing and given no work, which the others do',
    async run(trial) {
      const [a, b, c] = await trial.trio()
      await b.openAs('bob')
      const members = [a, b].map((node) => node.hear('jobs', { scope: 'cluster' }))
      const all = b.hear('jobs', { scope: 'all' })
      await trial.settle(a, b, c)
      expect(await a.app.send({ user: 'bob' }, 'inbox', 1), 'A session is reached').toBe(1)
      await trial.within(b.app.stop(), STOPS)
      const before = members[1]?.payloads.length
      await trial.left(a, c)
      await trial.settle(a, c)
      for (let n = 0; n < 40; n++) c.app.bus.publish('jobs', n)
      const demand = 'A node that has stopped MUST NOT be given work'
      await trial.until(() => expect(members[0]?.payloads, demand).toHaveLength(40))
      expect(members[1]?.payloads, demand).toHaveLength(before as number)
      expect(all.payloads, 'A node that has stopped gets nothing').toEqual([])
      const sent = trial.within(a.app.send({ user: 'bob' }, 'inbox', 2), 'A message to nobody is refused')
      expect(await codeOf(sent), 'A node that has stopped has no sessions').toBe('not_connected')
    },
  },
  {
    name: 'stopping again changes nothing, and what is called after it does no harm',
    async run(trial) {
      const [a, b] = await trial.pair()
      const { backend } = b
      const { subscription } = b.hear('jobs', { scope: 'all' })
      const peer = await a.open('news')
      await trial.within(b.app.stop(), STOPS)
      await trial.within(Promise.all([backend.stop(), backend.stop()]), STOPS)
      const message: ClusterMessage = {
        topics: ['news'],
        topic: 'news',
        payload: '1',
        except: null,
        kind: null,
      }
      const event = { topics: ['jobs'], payload: 1, actor: null, client: null, except: null }
      const late = () => {
        subscription.cancel()
        backend.publish(message)
        backend.emit(event)
        backend.interest('news', true)
        backend.interest('news', false)
        backend.listen('news', 'group', true)
        backend.listen('news', 'group', false)
      }
      expect(late, 'publish, emit, interest and listen MUST NOT throw, also after stop').not.toThrow()
      const asked = trial.within(
        backend.ask({ to: `$node/${a.id}`, method: 'send' }),
        'ClusterBackend.ask ends, also after stop',
      )
      expect(await codeOf(asked), 'ClusterBackend.ask rejects when there is no connection').toBe(
        'cluster_unavailable',
      )
      await trial.left(a)
      expect(peer.got(), 'A node that has stopped sends nothing').toEqual([])
    },
  },
  {
    name: 'a node may be told to stop while it is starting, and before it has',
    async run(trial) {
      const a = await trial.node()
      const never = trial.create()
      await trial.within(never.app.stop(), STOPS)
      for (const wait of [0, 0, 1, 3, 10, 30]) {
        const node = trial.create()
        const started = node.app.start().then(
          () => 'started',
          () => 'gave up',
        )
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
        await trial.within(
          node.app.stop(),
          'ClusterBackend.start MUST reject soon when stop is called meanwhile',
        )
        await trial.within(started, 'ClusterBackend.start MUST reject soon when stop is called meanwhile')
        expect(node.app.state, STOPS).toBe('stopped')
      }
      await trial.left(a)
    },
  },
  {
    name: 'once stopped, no connection and no timer is left',
    async run(trial) {
      const live = async () => {
        const [a, b] = await trial.pair()
        await b.openAs('bob')
        const { subscription } = b.hear('jobs', { scope: 'cluster' })
        await trial.settle(a, b)
        await a.app.publish('news', 1)
        await a.app.send({ user: 'bob' }, 'inbox', 1)
        // Nobody waits for the answer.
        b.app.cluster.answer('never', () => new Promise(() => {}))
        const asked = codeOf(a.app.cluster.askNode(b.id, 'never', undefined, 60_000))
        subscription.cancel()
        await trial.within(Promise.all([a.app.stop(), b.app.stop()]), STOPS)
        await trial.within(asked, 'A question MUST end when the connection is lost')
      }
      // What is made once for all, such as a pool of threads, is no leak.
      await live()
      const before = resources()
      for (let life = 0; life < 3; life++) await live()
      await untilNoMore(trial, before, 'ClusterBackend.stop MUST NOT leave a connection or timer open')
    },
  },
]
