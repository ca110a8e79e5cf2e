import type {
  HistoryStore,
  HistoryStoreHost,
  KeptMessage,
  NewMessage,
  ReadRange,
} from '../../core/history/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { MessageLog } from './message-log.ts'

/** Bounds of the messages that a node has in memory. Older ones are read from the store. */
const MAX_RECENT_MESSAGES = 20_000
const MAX_RECENT_BYTES = 32 * 1024 * 1024

/** Stores that an app uses. */
const inUse = new WeakSet<HistoryStore>()

/**
 * A store whose newest messages are also in the memory of the node. Most replays begin there, and a read of them costs no
 * round trip, however many clients ask.
 */
export class RecentStore implements HistoryStore {
  readonly #store: HistoryStore
  #messages: MessageLog | undefined
  /** The stream of `#messages`. */
  #epoch = ''
  #isMine = false

  constructor(store: HistoryStore) {
    this.#store = store
  }

  get epoch(): string {
    return this.#store.epoch
  }

  get key(): Buffer {
    return this.#store.key
  }

  get delivered(): number {
    return this.#store.delivered
  }

  /** @throws `invalid_option` if another app uses the store */
  async start(host: HistoryStoreHost): Promise<void> {
    if (inUse.has(this.#store))
      throw new RookeryError('invalid_option', 'history(): another app uses this store')
    inUse.add(this.#store)
    this.#isMine = true
    const { maxAge } = host.limits
    const limits = { maxMessages: MAX_RECENT_MESSAGES, maxBytes: MAX_RECENT_BYTES, maxAge }
    await this.#store.start({
      limits: host.limits,
      log: host.log,
      lost: (reason) => {
        this.#messages = undefined
        host.lost(reason)
      },
      available: (isAvailable, cause) => host.available(isAvailable, cause),
      deliver: (message) => {
        let recent = this.#recent
        if (recent?.last !== message.seq - 1) {
          recent = new MessageLog(limits, message.seq - 1)
          this.#messages = recent
          this.#epoch = this.epoch
        }
        recent.add(message, Date.now())
        host.deliver(message)
      },
    })
  }

  /** Undefined for a stream of which no message has been delivered. */
  get #recent(): MessageLog | undefined {
    return this.#epoch === this.epoch ? this.#messages : undefined
  }

  async stop(): Promise<void> {
    if (!this.#isMine) return
    this.#isMine = false
    this.#messages = undefined
    try {
      await this.#store.stop()
    } finally {
      inUse.delete(this.#store)
    }
  }

  append(message: NewMessage, id?: string): Promise<number> {
    return this.#store.append(message, id)
  }

  first(): Promise<number> {
    return this.#store.first()
  }

  before(time: number): Promise<number> {
    return this.#store.before(time)
  }

  async read(patterns: readonly string[], range: ReadRange): Promise<readonly KeptMessage[] | undefined> {
    const recent = this.#recent
    if (recent && range.upTo <= recent.last && range.after + 1 >= recent.first) {
      return recent.read(patterns, range)
    }
    return await this.#store.read(patterns, range)
  }

  async readLast(patterns: readonly string[], count: number, upTo: number): Promise<readonly KeptMessage[]> {
    const recent = this.#recent
    const found = recent && upTo <= recent.last ? recent.readLast(patterns, count, upTo) : []
    if (recent && found.length === count) return found
    return await this.#store.readLast(patterns, count, upTo)
  }
}
