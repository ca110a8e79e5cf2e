import { randomBytes, randomUUID } from 'node:crypto'
import type {
  HistoryStore,
  HistoryStoreHost,
  KeptMessage,
  NewMessage,
  ReadRange,
} from '../../core/history/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { MessageLog } from './message-log.ts'
import { RecentIds } from './recent-ids.ts'

/** How long the id of a message is known, in milliseconds. */
const ID_WINDOW_MS = 120_000

/** Most ids that are known. */
const MAX_IDS = 100_000

/** Milliseconds between two looks for messages that are too old. */
const EXPIRY_INTERVAL_MS = 1_000

/** See `createMemoryStore`. Keeps messages in the memory of one node, also while it is stopped. They are lost when the process ends. */
export class MemoryStore implements HistoryStore {
  readonly epoch: string = randomUUID()
  readonly key: Buffer = randomBytes(16)
  readonly #ids = new RecentIds(ID_WINDOW_MS, MAX_IDS)
  #host: HistoryStoreHost | undefined
  #log: MessageLog | undefined
  #expiry: NodeJS.Timeout | undefined
  #queue: KeptMessage[] = []
  #delivered = 0

  get delivered(): number {
    return this.#delivered
  }

  async start(host: HistoryStoreHost): Promise<void> {
    const log = (this.#log ??= new MessageLog(host.limits))
    log.limits = host.limits
    this.#host = host
    this.#expiry = setInterval(() => log.expire(Date.now()), EXPIRY_INTERVAL_MS).unref()
    host.available(true)
  }

  async stop(): Promise<void> {
    clearInterval(this.#expiry)
    this.#deliver()
    this.#host = undefined
  }

  async append(message: NewMessage, id?: string): Promise<number> {
    const log = this.#open
    const now = Date.now()
    const known = id === undefined ? undefined : this.#ids.get(id, now)
    if (known !== undefined) return known
    const kept = log.append(message, now)
    if (id !== undefined) this.#ids.add(id, kept.seq, now)
    this.#queue.push(kept)
    if (this.#queue.length === 1) queueMicrotask(this.#deliver)
    return kept.seq
  }

  async first(): Promise<number> {
    return this.#open.first
  }

  async before(time: number): Promise<number> {
    return this.#open.before(time)
  }

  async read(patterns: readonly string[], range: ReadRange): Promise<readonly KeptMessage[] | undefined> {
    return this.#open.read(patterns, range)
  }

  async readLast(patterns: readonly string[], count: number, upTo: number): Promise<readonly KeptMessage[]> {
    return this.#open.readLast(patterns, count, upTo)
  }

  get #open(): MessageLog {
    if (!this.#host || !this.#log) throw new RookeryError('history_unavailable')
    return this.#log
  }

  /** Delivers outside of `append`, whose caller may be inside a delivery. */
  readonly #deliver = (): void => {
    for (const message of this.#queue.splice(0)) {
      this.#delivered = message.seq
      this.#host?.deliver(message)
    }
  }
}

/**
 * Creates the store that `history()` uses by default, for an app that is stopped and created again in the same process: with
 * `history({ store })`, the next app has the messages of the last one, and clients go on with their cursors. One app at a time
 * can use a store; the second one gets `invalid_option` when it starts.
 *
 * @example
 * const store = createMemoryStore()
 * const createChat = () => createApp({ plugins: [http(), websocket(), history({ topics: ['rooms/*'], store })] })
 */
export const createMemoryStore = (): HistoryStore => new MemoryStore()
