import type {
  HistoryStore,
  HistoryStoreHost,
  KeptMessage,
  NewMessage,
  ReadRange,
} from '../../core/history/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { within } from '../../core/util/promises.ts'
import { historyUnavailable } from './history-appends.ts'
import { HistoryBlocks } from './history-blocks.ts'
import { HistoryFollower, type NatsLink } from './history-follower.ts'
import { readBlocks, readBlocksBackwards } from './history-reads.ts'
import { type HistoryState, historyNames } from './history-stream-config.ts'
import { adviceFor } from './jetstream.ts'

/** Longest time that `start` waits for JetStream. */
const START_WAIT_MS = 3_000
/** Longest time that `stop` waits for the answers of JetStream. */
const STOP_WAIT_MS = 1_000

/** The history that all nodes share: a stream in JetStream, which publishes each stored message to all nodes. */
export class NatsHistoryStore implements HistoryStore {
  readonly #link: () => NatsLink | undefined
  readonly #prefix: string
  #follower: HistoryFollower | undefined
  #isStopped = false
  #blocks = this.#createBlocks()
  #reading: Promise<HistoryState> | undefined

  constructor(link: () => NatsLink | undefined, prefix: string) {
    this.#link = link
    this.#prefix = prefix
  }

  get epoch(): string {
    return this.#follower?.epoch ?? ''
  }

  get key(): Buffer {
    return this.#follower?.key ?? Buffer.alloc(16)
  }

  get delivered(): number {
    return this.#follower?.delivered ?? 0
  }

  async start(host: HistoryStoreHost): Promise<void> {
    const changed = () => {
      this.#blocks = this.#createBlocks()
    }
    const follower = new HistoryFollower(this.#link, historyNames(this.#prefix), host, changed)
    this.#follower = follower
    try {
      const late = () => historyUnavailable('JetStream does not answer')
      await within(START_WAIT_MS, follower.check(), late)
    } catch (cause) {
      const advice = adviceFor(cause)
      if (advice === undefined) return
      await this.stop()
      throw historyUnavailable(`history() cannot keep messages in JetStream: ${advice}`, cause)
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    const ended = Promise.allSettled([this.#follower?.stop(), this.#blocks.settled()])
    await within(STOP_WAIT_MS, ended, () => new Error('late')).catch(() => {})
  }

  async append(message: NewMessage, id?: string): Promise<number> {
    return await this.#opened.appends.append(message, id)
  }

  first(): Promise<number> {
    return this.#guard(async () => (await this.#state()).first)
  }

  before(time: number): Promise<number> {
    return this.#guard(() => this.#opened.stream.before(time))
  }

  read(patterns: readonly string[], range: ReadRange): Promise<readonly KeptMessage[] | undefined> {
    return this.#guard(async () => {
      const end = Math.min(range.upTo, this.delivered)
      const from = range.after + 1
      const { first } = await this.#state()
      if (from > end || range.limit <= 0) return []
      if (from < first) return undefined
      try {
        return await readBlocks(this.#blocks, patterns, { from, end, limit: range.limit })
      } catch (error) {
        // Messages may have expired meanwhile. Otherwise the server that has answered is behind the others.
        if (from < (await this.#state()).first) return undefined
        throw error
      }
    })
  }

  readLast(patterns: readonly string[], count: number, upTo: number): Promise<readonly KeptMessage[]> {
    return this.#guard(async () => {
      const { first } = await this.#state()
      const range = { from: first, end: Math.min(upTo, this.delivered), limit: count }
      return await readBlocksBackwards(this.#blocks, patterns, range)
    })
  }

  get #opened(): HistoryFollower {
    if (!this.#follower || this.#isStopped) throw historyUnavailable('the history is not started')
    return this.#follower
  }

  /** Reads the state of the stream. Calls at the same time share one request. */
  #state(): Promise<HistoryState> {
    this.#reading ??= this.#opened.stream.state().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  #createBlocks(): HistoryBlocks {
    return new HistoryBlocks((from, to) => this.#opened.stream.read(from, to))
  }

  async #guard<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read()
    } catch (cause) {
      if (cause instanceof RookeryError) throw cause
      throw historyUnavailable('JetStream does not answer', cause)
    }
  }
}
