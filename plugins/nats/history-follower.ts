import type { Msg, NatsConnection, QueuedIterator, Status, Subscription } from '@nats-io/transport-node'
import type { HistoryStoreHost } from '../../core/history/store.ts'
import { withShortIds } from '../../core/util/short-ids.ts'
import { EarliestTimer } from './earliest-timer.ts'
import { HistoryAppends, historyUnavailable } from './history-appends.ts'
import { HistoryStream, readRepublished } from './history-stream.ts'
import type { HistoryNames, HistoryState } from './history-stream-config.ts'
import type { NatsCluster } from './nats-cluster.ts'
import { OrderedDelivery } from './ordered-delivery.ts'

/** Time between two comparisons with the stream. */
const CHECK_INTERVAL_MS = 5_000
/** Time before the second comparison, if the first found too few messages. */
const CONFIRM_INTERVAL_MS = 500
/** Bounds of the time between two attempts to reach JetStream. It doubles with each attempt. */
const MIN_RETRY_MS = 250
const MAX_RETRY_MS = 5_000

/** The connection of `nats()`. */
export type NatsLink = Pick<NatsCluster, 'connection' | 'connected'>

/**
 * Follows the stream of the history: opens it, delivers its messages, and compares itself with the stream after each
 * reconnect and every 5 s.
 */
export class HistoryFollower {
  epoch = ''
  key: Buffer = Buffer.alloc(16)
  readonly #link: () => NatsLink | undefined
  readonly #names: HistoryNames
  readonly #host: HistoryStoreHost
  readonly #delivery: OrderedDelivery
  /** Called when the stream is another one. */
  readonly #changed: () => void
  #stream: HistoryStream | undefined
  #created = ''
  #appends: HistoryAppends | undefined
  #subscription: Subscription | undefined
  #statuses: QueuedIterator<Status> | undefined
  #checking: Promise<void> | undefined
  readonly #timer = new EarliestTimer(() => void this.#checkAgain())
  #retryMs = MIN_RETRY_MS
  #isAvailable = false
  /** What the host was told last. */
  #told = false
  #reported = ''
  #isStopped = false
  /** Until it is known which stream messages are from, they are only counted. */
  #isPaused = true
  /** The highest number that has arrived and was only counted. */
  #newest = 0
  /** Whether the last comparison found fewer messages in the stream than this node has delivered. */
  #isBehind = false

  constructor(
    link: () => NatsLink | undefined,
    names: HistoryNames,
    host: HistoryStoreHost,
    changed: () => void,
  ) {
    this.#link = link
    this.#names = names
    this.#host = host
    this.#changed = changed
    this.#delivery = new OrderedDelivery({
      log: host.log,
      deliver: (message) => host.deliver(message),
      lost: () => host.lost('expired'),
      read: (from, to) => this.stream.read(from, to),
      first: async () => (await this.stream.state()).first,
      failed: (error) => this.#failed(error),
    })
  }

  get delivered(): number {
    return this.#delivery.delivered
  }

  /** @throws `history_unavailable` */
  get stream(): HistoryStream {
    if (!this.#stream || !this.#isAvailable) throw historyUnavailable('JetStream cannot be reached')
    return this.#stream
  }

  /** @throws `history_unavailable` */
  get appends(): HistoryAppends {
    if (!this.#appends || !this.#isAvailable) throw historyUnavailable('JetStream cannot be reached')
    return this.#appends
  }

  /** Opens the stream, or compares it with what was delivered. Goes on by itself, also after an error. */
  check(): Promise<void> {
    this.#timer.clear()
    this.#checking ??= this.#openOrCompare()
      .catch((error) => {
        this.#failed(error)
        throw error
      })
      .finally(() => {
        this.#checking = undefined
      })
    return this.#checking
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#isAvailable = false
    this.#timer.clear()
    this.#statuses?.stop()
    this.#subscription?.unsubscribe()
    this.#appends?.close()
    this.#delivery.stop()
    await this.#checking?.catch(() => {})
  }

  async #openOrCompare(): Promise<void> {
    const { connection, connected } = this.#link() ?? {}
    if (!connection || !connected) throw historyUnavailable('this node is not connected to NATS')
    this.#watch(connection)
    const { limits, log } = this.#host
    this.#stream ??= await HistoryStream.open(connection, { names: this.#names, limits, log })
    const [stream, delivered] = [this.#stream, this.delivered]
    const state = await stream.state()
    const isSame = state.epoch === this.epoch
    const isReplaced = isSame && !this.#isAvailable && (await this.#delivery.isReplaced(stream))
    if (this.#isStopped) return
    const wasBehind = this.#isBehind
    this.#isBehind = isSame && state.last < delivered
    if (this.#isBehind || isReplaced) {
      // A server that has just become the leader may be behind for a moment.
      if (wasBehind || isReplaced) await stream.renew()
      this.#schedule(CONFIRM_INTERVAL_MS)
      return
    }
    if (!isSame) this.#changeStream(state)
    this.#isPaused = false
    // The delivery reads the stream, which counts as available now.
    this.#isAvailable = true
    await this.#delivery.reach(Math.max(state.last, this.#newest))
    this.#newest = 0
    if (!this.#stream) throw historyUnavailable('the connection to NATS was lost')
    this.#succeeded()
  }

  #changeStream({ epoch, key, created, first, last }: HistoryState): void {
    const isFirst = this.epoch === ''
    if (!isFirst) {
      const fields = { stream: this.#names.stream, delivered: this.delivered, last }
      this.#host.log.error(fields, 'the stream of the history is another one: cursors are not valid')
    }
    // A stream that was created meanwhile has only messages that this node has not delivered.
    const isNew = !isFirst && created !== this.#created
    this.epoch = epoch
    this.key = key
    this.#created = created
    this.#delivery.reset(isNew ? first - 1 : last)
    this.#changed()
    if (!isFirst) this.#host.lost('epoch')
  }

  /** Subscribes once: the NATS client restores subscriptions when it reconnects. */
  #watch(connection: NatsConnection): void {
    if (this.#subscription) return
    this.#subscription = connection.subscribe(this.#names.storedSubject, {
      callback: (error, message) => {
        if (error) {
          this.#host.log.error({ err: withShortIds(error), stage: 'nats' }, 'NATS refused a subscription')
        } else {
          this.#received(message)
        }
      },
    })
    this.#appends = new HistoryAppends(connection, this.#names.subject, () => {
      this.#failed(historyUnavailable('JetStream has no stream for the history'))
    })
    const statuses = connection.status() as QueuedIterator<Status>
    this.#statuses = statuses
    void this.#follow(statuses)
  }

  async #follow(statuses: AsyncIterable<Status>): Promise<void> {
    for await (const { type } of statuses) {
      if (this.#isStopped) return
      if (type === 'reconnect') this.#schedule(0)
      if (type === 'disconnect' || type === 'close') {
        const lost = historyUnavailable('the connection to NATS was lost')
        this.#appends?.fail(lost)
        this.#failed(lost)
      }
    }
  }

  #received(message: Msg): void {
    const { log } = this.#host
    try {
      const kept = readRepublished(message, log)
      if (!(kept.seq > 0)) return
      if (kept.seq === 1 && this.delivered > 0) this.#pause()
      // While the stream cannot be read, a message after a hole could not be delivered.
      if (this.#isPaused || !this.#isAvailable) this.#newest = Math.max(this.#newest, kept.seq)
      else this.#delivery.receive(kept)
    } catch (err) {
      log.error({ err, stage: 'nats' }, 'a message of the history could not be delivered')
    }
  }

  /** The stream may have been created anew: its messages are delivered when that is known. */
  #pause(): void {
    this.#isPaused = true
    this.#newest = 0
    this.#schedule(0)
  }

  #succeeded(): void {
    this.#retryMs = MIN_RETRY_MS
    this.#reported = ''
    this.#tell(true)
    this.#schedule(CHECK_INTERVAL_MS)
  }

  #failed(error: unknown): void {
    if (this.#isStopped) return
    const { message } = error as Error
    if (!this.#isAvailable && message !== this.#reported) {
      this.#host.log.warn({ err: error }, 'the stream of the history cannot be used: waiting for it')
    }
    this.#reported = message
    this.#isAvailable = false
    this.#tell(false, error)
    // The stream may be gone, or JetStream on another server: the next check opens it again.
    this.#stream = undefined
    this.#schedule(this.#retryMs)
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS)
  }

  #tell(isAvailable: boolean, cause?: unknown): void {
    if (this.#told === isAvailable) return
    this.#told = isAvailable
    this.#host.available(isAvailable, cause)
  }

  #schedule(delay: number): void {
    if (!this.#isStopped) this.#timer.start(delay)
  }

  async #checkAgain(): Promise<void> {
    await this.#checking?.catch(() => {})
    if (!this.#isStopped) await this.check().catch(() => {})
  }
}
