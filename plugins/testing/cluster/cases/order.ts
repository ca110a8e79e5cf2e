import { breach, departure } from '../../violation.ts'
import type { ClusterCase, ClusterTrial } from '../cluster-case.ts'
import type { ClusterPeer } from '../cluster-peer.ts'

const ORDER =
  'ClusterBackend.publish MUST keep the order of one topic, and each session gets each message once'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** Publishes in bursts, between which others get their turn. */
const inBursts = async (trial: ClusterTrial, count: number, publish: (n: number) => void): Promise<void> => {
  for (let next = 0; next < count; ) {
    for (let burst = 1 + trial.random.below(60); burst > 0 && next < count; burst--) publish(next++)
    if (trial.random.below(2)) await new Promise(setImmediate)
  }
}

const untilGot = async (
  trial: ClusterTrial,
  got: () => unknown[],
  sent: readonly unknown[],
): Promise<void> => {
  await trial.until(() => {
    const wrong = departure(got(), sent)
    if (wrong) throw breach(ORDER, wrong)
  })
}

export const order: readonly ClusterCase[] = [
  {
    name: 'messages of one topic arrive in the order of publishing, all of them, each once',
    async run(trial) {
      const [a, b, c] = await trial.trio()
      const peers = [await b.open('numbers/1'), await b.open('numbers/*', '*/1'), await c.open('*')]
      await trial.settle(a, b, c)
      const sent = numbers(1000).map((n) => ({ n, fill: 'x'.repeat(trial.random.below(300)) }))
      await inBursts(trial, sent.length, (n) => void a.app.publish('numbers/1', sent[n]))
      for (const peer of peers) await untilGot(trial, () => peer.got(), sent)
      await trial.settle(a, b, c)
      for (const peer of peers) await untilGot(trial, () => peer.got(), sent)
    },
  },
  {
    name: 'messages of two publishers may mix, and those of each keep their order',
    async run(trial) {
      const [a, b, c] = await trial.trio()
      const peers = [await a.open('numbers'), await b.open('numbers'), await c.open('numbers')]
      await trial.settle(a, b, c)
      await Promise.all(
        [a, b].map(({ app, id }) =>
          inBursts(trial, 300, (n) => void app.publish('numbers', { from: id, n })),
        ),
      )
      const of = (peer: ClusterPeer, id: string) =>
        (peer.got() as { from: string; n: number }[]).filter(({ from }) => from === id).map(({ n }) => n)
      for (const peer of peers) {
        for (const { id } of [a, b]) await untilGot(trial, () => of(peer, id), numbers(300))
      }
      await trial.settle(a, b, c)
      for (const peer of peers) await untilGot(trial, () => of(peer, b.id), numbers(300))
    },
  },
  {
    name: 'a topic keeps its order where some events have other topics too',
    async run(trial) {
      const [a, b] = await trial.pair()
      const [xs, ys, both] = [await b.open('x'), await b.open('y'), await b.open('x', 'y')]
      await trial.settle(a, b)
      const kinds = [['x'], ['x', 'y'], ['y', 'x'], ['y', 'z', 'x']]
      const sent = numbers(200).map((n) => ({ n, topics: trial.random.pick(kinds) }))
      const options = { topic: 'numbers' }
      await inBursts(trial, sent.length, (n) => {
        const { topics } = sent[n] as (typeof sent)[number]
        void a.app.publish({ topics, payload: n, client: options })
      })
      await untilGot(trial, () => xs.got(), numbers(200))
      const withY = sent.filter(({ topics }) => topics.includes('y')).map(({ n }) => n)
      await untilGot(trial, () => ys.got(), withY)
      await untilGot(trial, () => both.got(), numbers(200))
    },
  },
]
