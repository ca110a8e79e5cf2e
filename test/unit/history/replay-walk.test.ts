import { createApp } from 'rookery'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { KeptStream } from '../../../core/history/history.ts'
import { TransportHost } from '../../../core/sessions/transport.ts'
import { topicMatches } from '../../../core/topics/topic.ts'
import { history } from '../../../plugins/history/index.ts'
import { createRandom } from '../../../plugins/testing/random.ts'
import { verifies } from '../../requirements.ts'
import { recordingLogger } from '../../support/app.ts'
import { HistoryPeer, type Published } from '../../support/history-peer.ts'

const TOPICS = ['a/x', 'a/y', 'b/x', 'b/secret', 'c']
const PATTERNS = ['a/*', '*', 'b/*', 'a/x', 'c']
const STEPS = 200
const SEEDS = [Number(process.env.SEED ?? 0) || 1, 2, 3, 4]

/** An app whose decisions about topics take a moment, and forbid `b/secret`. */
const start = async (slowConsumer: 'disconnect' | 'resume', turns: () => number) => {
  const app = createApp({
    logger: recordingLogger(),
    slowConsumer,
    pingInterval: 3,
    pingTimeout: '60s',
    limits: { maxBuffered: 4_000, messageRate: 1e6, messageBurst: 1e6 },
    plugins: [history({ topics: ['*'] })],
  })
  app.sessions.addAuthorizer({
    authorizePattern: (_session, pattern) => (pattern.startsWith('b') || pattern === '*' ? 'each' : true),
    authorize: async (_session, _action, topic) => {
      for (let left = turns(); left > 0; left--) await new Promise(setImmediate)
      return topic !== 'b/secret'
    },
  })
  await app.start()
  onTestFinished(() => app.stop())
  return app
}

describe('a random walk', () => {
  it.each(SEEDS)(
    'brings each subscription every message once and in order, or a gap (seed %i)',
    async (seed) => {
      verifies('delivery.history.once-or-gap', 'delivery.history.seamless', 'delivery.history.position')
      const random = createRandom(seed, 'replay walk')
      const app = await start(random.pick(['disconnect', 'resume']), () => random.below(4))
      const stream = app.scope.get(KeptStream) as KeptStream
      const seqs = new Map<string, number>()
      const cursorOf = (seq: number) => stream.cursorOf(seq) as string
      const seqOf = (cursor: string) => seqs.get(cursor) ?? Number.NaN
      const published: Published[] = []
      const publish = () => {
        const topic = random.pick(TOPICS)
        published.push({ seq: published.length + 1, topic })
        seqs.set(cursorOf(published.length), published.length)
        void app.publish(topic, 'x'.repeat(random.below(300)))
      }
      seqs.set(cursorOf(0), 0)
      const host = app.scope.get(TransportHost)
      const peers = [0, 1, 2].map(() => new HistoryPeer(host, seqOf, cursorOf))
      for (const peer of peers) await peer.open()
      const since = () =>
        random.pick([
          undefined,
          'earliest',
          { last: random.below(20) },
          cursorOf(random.below(published.length + 1)),
        ])

      for (let step = 0; step < STEPS; step++) {
        const peer = random.pick(peers)
        const choice = random.below(12)
        if (choice < 6) {
          for (let left = random.below(8); left > 0; left--) publish()
          if (choice < 4) await new Promise(setImmediate)
        } else if (choice < 9) peer.read(random.below(20))
        else if (choice === 9) for (let left = 5; left > 0; left--) await new Promise(setImmediate)
        else if (!peer.isOpen) await peer.open()
        else if (choice === 10 && peer.subscriptions.size < 5) peer.subscribe(random.pick(PATTERNS), since())
        else if (choice === 11 && random.below(3) === 0) peer.cut()
      }

      for (const peer of peers) {
        await vi.waitFor(
          async () => {
            if (!peer.isOpen) await peer.open()
            peer.read(1_000)
            const behind = [...peer.subscriptions].filter(({ state }) => state !== 'live')
            expect(behind).toEqual([])
            expect(peer.unreadFrames).toBe(0)
            for (const one of peer.subscriptions) expect(one.got).toEqual(expected(one, published))
          },
          { interval: 5, timeout: 10_000 },
        )
        expect(peer.gaps).toEqual([])
      }
      expect(peers.some(({ subscriptions }) => subscriptions.size > 0)).toBe(true)
    },
  )
})

/** The numbers that a subscription has to have got. */
const expected = (
  one: { readonly pattern: string; readonly from: number | undefined; readonly last: number | undefined },
  published: readonly Published[],
): number[] =>
  published
    .filter(({ topic }) => topic !== 'b/secret' && topicMatches(one.pattern, topic))
    .map(({ seq }) => seq)
    .filter((seq) => seq > (one.from ?? 0))
