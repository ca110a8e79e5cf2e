import type {
  History,
  HistoryMessage,
  KeptStream,
  KeptStreamHost,
  ReadOptions,
  ReplayStart,
} from '../../core/history/history.ts'
import type {
  HistoryStore,
  HistoryStoreHost,
  KeptMessage,
  NewMessage,
  ReadRange,
} from '../../core/history/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { Frame, namedTopics } from '../../core/protocol/frame.ts'
import type { Since } from '../../core/protocol/protocol.ts'
import { assertPattern } from '../../core/topics/topic.ts'
import type { Logger } from '../../core/util/logger.ts'
import { CursorCodec } from './cursor.ts'
import type { HistorySettings } from './options.ts'
import { PositionWaits } from './position-waits.ts'
import { checkReadOptions, invalidCursor } from './read-options.ts'
import { ReplayFrames } from './replay-frames.ts'
import { retryRead } from './retry-read.ts'

/** Messages that were read. `isFull`: there may be more. */
type Page = { readonly messages: readonly KeptMessage[]; readonly isFull: boolean }

/** The kept messages of the app: decides what is kept, writes cursors, and reads. */
export class KeptMessages implements History, KeptStream, HistoryStoreHost {
  readonly limits: HistorySettings['limits']
  readonly maxReplay: number
  readonly log: Logger
  readonly #settings: HistorySettings
  readonly #store: HistoryStore
  readonly #replayFrames: ReplayFrames
  readonly #waits = new PositionWaits()
  #isStopped = false
  #host: KeptStreamHost | undefined
  #codec: CursorCodec | undefined
  #epoch = ''
  #isAvailable = false

  constructor(settings: HistorySettings, store: HistoryStore, log: Logger) {
    this.#settings = settings
    this.#store = store
    this.limits = settings.limits
    this.maxReplay = settings.maxReplay
    this.#replayFrames = new ReplayFrames(settings.limits.maxBytes)
    this.log = log
  }

  covers(pattern: string): boolean {
    return this.#settings.covers(pattern)
  }

  get keepsUsers(): boolean {
    return this.#settings.keepsUsers
  }

  get isAvailable(): boolean {
    return this.#isAvailable
  }

  get delivered(): number {
    return this.#store.delivered
  }

  connect(host: KeptStreamHost): void {
    this.#host = host
  }

  start(): Promise<void> {
    return this.#store.start(this)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#store.stop()
    this.#waits.end()
  }

  available(isAvailable: boolean, cause?: unknown): void {
    if (this.#isAvailable === isAvailable) return
    this.#isAvailable = isAvailable
    if (isAvailable) this.log.info({ delivered: this.delivered }, 'the history is available')
    else this.log.warn({ err: cause }, 'the history is away: messages of its topics cannot be stored')
  }

  lost(reason: 'expired' | 'epoch'): void {
    this.log.warn({ reason }, 'connected clients are told that messages of the history are missing')
    this.#replayFrames.clear()
    this.#host?.lost(reason)
  }

  deliver(message: KeptMessage): void {
    this.#host?.deliver(message)
    this.#waits.reached(message.seq)
  }

  keeps(topics: readonly string[]): boolean {
    return topics.some(this.#settings.keeps)
  }

  async append(message: NewMessage, id?: string): Promise<boolean> {
    const delivers = this.#settings.whenUnavailable === 'deliver'
    if (delivers && !this.#isAvailable) return false
    try {
      await this.#store.append(message, id)
      return true
    } catch (error) {
      if (!delivers || (error as RookeryError).code !== 'history_unavailable') throw error
      return false
    }
  }

  cursorOf(seq: number): string | undefined {
    return this.#cursors?.encode(seq)
  }

  sign(text: string): string | undefined {
    return this.#cursors?.sign(text)
  }

  async find(
    since: Since,
    patterns: readonly string[],
    upTo: number,
    hasEnded: () => boolean,
  ): Promise<ReplayStart> {
    try {
      return await this.#retry(() => this.#find(since, patterns, upTo), hasEnded)
    } catch {
      return { reason: 'unavailable' }
    }
  }

  async #find(since: Since, patterns: readonly string[], upTo: number): Promise<ReplayStart> {
    if (typeof since === 'string' && since !== 'earliest') return this.#findCursor(since, upTo)
    if (typeof since === 'object' && 'last' in since) {
      const count = Math.min(since.last, this.maxReplay)
      const [oldest] = count > 0 ? await this.#store.readLast(patterns, count, upTo) : []
      return { after: oldest ? oldest.seq - 1 : upTo }
    }
    const first = await this.#store.first()
    const before =
      typeof since === 'object' ? await this.#store.before(Math.max(0, Date.now() - since.ago)) : 0
    return { after: Math.max(first - 1, before) }
  }

  /** Whether messages after the cursor have expired shows when they are read. Most are in memory, also while the store is away. */
  #findCursor(cursor: string, upTo: number): ReplayStart {
    if (!this.#cursors) throw new RookeryError('history_unavailable')
    const seq = this.#cursors.decode(cursor)
    if (seq === undefined) return { reason: 'epoch' }
    return seq > upTo ? { reason: 'ahead' } : { after: seq }
  }

  reach(since: Since): Promise<void> | undefined {
    const seq = typeof since === 'string' ? this.#cursors?.decode(since) : undefined
    return seq === undefined || seq <= this.delivered ? undefined : this.#reach(seq)
  }

  async #reach(seq: number): Promise<void> {
    await this.#waits.wait(seq)
    // A node that is cut off from the store cannot tell a cursor of a later message from one that is ahead of the stream.
    if (seq > this.delivered && !this.#isAvailable) throw new RookeryError('history_unavailable')
  }

  readRange(
    patterns: readonly string[],
    range: ReadRange,
    hasEnded: () => boolean,
  ): Promise<readonly KeptMessage[] | undefined> {
    return this.#retry(() => this.#store.read(patterns, range), hasEnded)
  }

  /** Reads for a replay, which waits while the store is away. */
  #retry<T>(read: () => Promise<T>, hasEnded: () => boolean): Promise<T> {
    return retryRead(read, this.#settings.replayTimeout, () => this.#isStopped || hasEnded())
  }

  frameOf(message: KeptMessage, replayed: boolean): Frame {
    if (!replayed) return this.#frame(message, {})
    return this.#replayFrames.get(message, () => this.#frame(message, { replayed }))
  }

  #frame({ seq, topic, topics, payload }: KeptMessage, details: { replayed?: true }): Frame {
    const cursor = this.cursorOf(seq) as string
    return Frame.ofText(topic, payload, namedTopics(topic, topics), { cursor, ...details }, seq)
  }

  async read<P>(pattern: string, options: ReadOptions): Promise<readonly HistoryMessage<P>[]> {
    assertPattern(pattern)
    checkReadOptions(options)
    const { messages } = await this.readPage(pattern, options)
    return messages.map((message) => this.messageOf<P>(message))
  }

  /** Reads a page, and tells whether there may be more. @throws `history_unavailable`, `invalid_cursor` */
  async readPage(pattern: string, { last, since, before, limit = 100 }: ReadOptions): Promise<Page> {
    const upTo = this.delivered
    if (since === undefined) {
      const end = before === undefined ? upTo : this.#numberOf(before) - 1
      const count = last ?? limit
      const messages = await this.#store.readLast([pattern], count, end)
      return { messages, isFull: messages.length === count }
    }
    const start = await this.#find(since, [pattern], upTo)
    if ('reason' in start) throw invalidCursor(start.reason)
    const messages = await this.#store.read([pattern], { after: start.after, upTo, limit })
    if (!messages) throw invalidCursor('expired')
    return { messages, isFull: messages.length === limit }
  }

  messageOf<P>({ seq, topic, topics, payload, time }: KeptMessage): HistoryMessage<P> {
    const named = namedTopics(topic, topics)
    return {
      topic,
      payload: payload === undefined ? undefined : JSON.parse(payload),
      ...(named && { topics: named }),
      cursor: this.cursorOf(seq) as string,
      time,
    }
  }

  #numberOf(cursor: string): number {
    if (!this.#cursors) throw new RookeryError('history_unavailable')
    const seq = this.#cursors.decode(cursor)
    if (seq === undefined) throw invalidCursor('epoch')
    return seq
  }

  /** Undefined until the stream is known. */
  get #cursors(): CursorCodec | undefined {
    const { epoch, key } = this.#store
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#replayFrames.clear()
      this.#codec = epoch === '' ? undefined : new CursorCodec(epoch, key)
    }
    return this.#codec
  }
}
