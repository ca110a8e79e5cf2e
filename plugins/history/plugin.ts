import { AppToken } from '../../core/app/app.ts'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import { Readiness } from '../../core/app/readiness.ts'
import { Cluster } from '../../core/cluster/cluster.ts'
import { History, KeptStream } from '../../core/history/history.ts'
import { SharedHistoryStore } from '../../core/history/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { Limits } from '../../core/sessions/limits.ts'
import { Logger } from '../../core/util/logger.ts'
import { KeptMessages } from './kept-messages.ts'
import { MemoryStore } from './memory-store.ts'
import { type HistoryOptions, readHistoryOptions } from './options.ts'
import { READ_RATE, READ_TOPIC, ReadCall } from './read-call.ts'
import { RecentStore } from './recent-store.ts'

/**
 * Keeps the messages of some topics, so that a client that was away gets what it has missed: in the order of publishing, once,
 * for all its subscriptions and on any node. Messages are in the memory of the process, or with `nats()` in a stream of
 * JetStream.
 *
 * @throws `invalid_option`, `invalid_pattern`
 * @example createApp({ plugins: [http(), websocket(), history({ topics: ['rooms/*'], maxAge: '7d' })] })
 */
export const history = (options: HistoryOptions): Plugin => {
  const settings = readHistoryOptions(options)
  let kept: KeptMessages | undefined
  return definePlugin({
    name: 'history',
    setup(scope) {
      const app = scope.get(AppToken)
      // A page must not fill the buffer of its session.
      const reads = new ReadCall(app, () => kept as KeptMessages, scope.get(Limits).maxBuffered / 4)
      app.handle(READ_TOPIC, { strict: false, rate: READ_RATE }, ({ session }, payload) =>
        reads.answer(session, payload),
      )
      const create = (): KeptMessages => {
        const shared = scope.has(SharedHistoryStore) ? scope.get(SharedHistoryStore)() : undefined
        const store = settings.store ?? shared
        if (!store && !scope.get(Cluster).isAlone) {
          throw new RookeryError(
            'invalid_option',
            "history(): the nodes of a cluster need a common store; use nats(), or give the option 'store'",
          )
        }
        return new KeptMessages(
          settings,
          store ? new RecentStore(store) : new MemoryStore(),
          scope.get(Logger),
        )
      }
      scope.provide(KeptStream, () => (kept ??= create()))
      scope.provide(History, () => (kept ??= create()))
      scope.get(Readiness).add('history', () => {
        const isReady = kept?.isAvailable === true
        return { ready: isReady, status: isReady ? 'available' : 'unavailable' }
      })
    },
    start: () => kept?.start(),
    stop: () => kept?.stop(),
  })
}
