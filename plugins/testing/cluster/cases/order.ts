import { mismatch, violation } from '../../violation.ts'
import type { ClusterCase, ClusterCaseContext } from '../cluster-case.ts'
import type { ClusterPeer } from '../cluster-peer.ts'

const ORDER =
  'ClusterBackend.publish MUST keep the order of one topic and deliver each message once to each session'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** Publishes in bursts of random length, with turns of the event loop in between. */
const inBursts = async (
  context: ClusterCaseContext,
  count: number,
  publish: (n: number) => void,
): Promise<void> => {
  for (let next = 0; next < count; ) {
    for (let burst = 1 + context.random.below(60); burst > 0 && next < count; burst--) publish(next++)
    if (context.random.below(2)) await new Promise(setImmediate)
  }
}

const untilReceived = async (
  context: ClusterCaseContext,
  received: () => unknown[],
  sent: readonly unknown[],
): Promise<void> => {
  await context.until(() => {
    const wrong = mismatch(received(), sent)
    if (wrong) throw violation(ORDER, wrong)
  })
}

export const order: readonly ClusterCase[] = [
  {
    name: 'all messages of one topic arrive in order, each once',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      const peers = [await b.open('numbers/1'), await b.open('numbers/*', '*/1'), await c.open('*')]
      await context.settle(a, b, c)
      const sent = numbers(1000).map((n) => ({ n, fill: 'x'.repeat(context.random.below(300)) }))
      await inBursts(context, sent.length, (n) => void a.app.publish('numbers/1', sent[n]))
      for (const peer of peers) await untilReceived(context, () => peer.received(), sent)
      await context.settle(a, b, c)
      for (const peer of peers) await untilReceived(context, () => peer.received(), sent)
    },
  },
  {
    name: 'the messages of each publisher arrive in order',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      const peers = [await a.open('numbers'), await b.open('numbers'), await c.open('numbers')]
      await context.settle(a, b, c)
      await Promise.all(
        [a, b].map(({ app, id }) =>
          inBursts(context, 300, (n) => void app.publish('numbers', { from: id, n })),
        ),
      )
      const of = (peer: ClusterPeer, id: string) =>
        (peer.received() as { from: string; n: number }[]).filter(({ from }) => from === id).map(({ n }) => n)
      for (const peer of peers) {
        for (const { id } of [a, b]) await untilReceived(context, () => of(peer, id), numbers(300))
      }
      await context.settle(a, b, c)
      for (const peer of peers) await untilReceived(context, () => of(peer, b.id), numbers(300))
    },
  },
  {
    name: 'a topic keeps its order when some events have several topics',
    async run(context) {
      const [a, b] = await context.startPair()
      const [xs, ys, both] = [await b.open('x'), await b.open('y'), await b.open('x', 'y')]
      await context.settle(a, b)
      const kinds = [['x'], ['x', 'y'], ['y', 'x'], ['y', 'z', 'x']]
      const sent = numbers(200).map((n) => ({ n, topics: context.random.pick(kinds) }))
      const options = { topic: 'numbers' }
      await inBursts(context, sent.length, (n) => {
        const { topics } = sent[n] as (typeof sent)[number]
        void a.app.publish({ topics, payload: n, client: options })
      })
      await untilReceived(context, () => xs.received(), numbers(200))
      const withY = sent.filter(({ topics }) => topics.includes('y')).map(({ n }) => n)
      await untilReceived(context, () => ys.received(), withY)
      await untilReceived(context, () => both.received(), numbers(200))
    },
  },
]
