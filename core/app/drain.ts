import type { ClusterBackend } from '../cluster/cluster.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { SessionRegistry } from '../sessions/session-registry.ts'
import type { Logger } from '../util/logger.ts'
import { within } from '../util/promises.ts'
import type { Work } from '../util/work.ts'

/** The parts of an app that have work under way. */
interface Parts {
  readonly sessions: SessionRegistry
  readonly cluster: ClusterBackend
  readonly work: Work
  /** Milliseconds over which the clients come back. */
  readonly reconnectSpread: number
}

/**
 * Ends the work under way, before plugins stop: closes each session as soon as it has no frame under way, takes no more
 * events from other nodes, and waits until handlers, listeners, queued events and hooks have settled. At the limit, logs
 * how much work is left, and closes the remaining sessions. Never rejects.
 *
 * @param limit milliseconds
 */
export const drain = async (parts: Parts, limit: number, log: Logger): Promise<void> => {
  const { sessions, cluster, work, reconnectSpread } = parts
  const reason = () =>
    new RookeryError('shutting_down', undefined, {
      reconnectAfter: Math.round(Math.random() * reconnectSpread),
    })
  const leaveCluster = async () => {
    try {
      await cluster.drain()
    } catch (error) {
      log.error({ err: error, stage: 'stop' }, 'the cluster backend did not end the work that it brings')
    }
  }
  const end = async () => {
    void work.run('cluster', leaveCluster)
    await sessions.leave(reason)
    await work.idle()
  }
  const late = () => new RookeryError('handler_timeout', `Work was still under way after ${limit} ms`)
  await within(limit, end(), late).catch((error) => {
    const cut = { ...work.counts, sessions: sessions.size }
    log.warn({ err: error, ...cut }, 'the app stops before all work has ended: raise stopTimeout')
  })
  for (const session of [...sessions]) session.close(reason())
}
