import type { HistoryLimits, KeptMessage, NewMessage, ReadRange } from '../../core/history/store.ts'
import { compilePatterns } from '../../core/topics/topic.ts'
import { TopicIndex, type TopicPlaces } from './topic-index.ts'

/** What a message counts beside its texts, in bytes. */
const MESSAGE_OVERHEAD_BYTES = 200

/** Returns the size of a message in the log, in bytes. */
const sizeOf = ({ topics, payload = '' }: KeptMessage): number =>
  topics.reduce((sum, topic) => sum + Buffer.byteLength(topic), Buffer.byteLength(payload)) +
  MESSAGE_OVERHEAD_BYTES

/**
 * The newest messages of a stream, bounded by age, number and bytes. A read costs what it returns, and either the messages
 * after the position or the topics that match, whichever are fewer.
 */
export class MessageLog {
  #limits: HistoryLimits
  readonly #index = new TopicIndex()
  /** The messages of the log begin at `#start`. Places before it are empty. */
  #messages: (KeptMessage | undefined)[] = []
  #start = 0
  #bytes = 0
  /** Number of the newest message so far. */
  #last: number

  /** @param last number of the last message before this log */
  constructor(limits: HistoryLimits, last = 0) {
    this.#limits = limits
    this.#last = last
  }

  /** Sets other limits, from the next message on. */
  set limits(limits: HistoryLimits) {
    this.#limits = limits
  }

  /** Number of the newest message, kept or not. */
  get last(): number {
    return this.#last
  }

  /** Number of the oldest message that is kept; one more than `last` if none is. */
  get first(): number {
    return this.#last - this.size + 1
  }

  /** Number of messages. */
  get size(): number {
    return this.#messages.length - this.#start
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Number of topics with messages. */
  get topics(): number {
    return this.#index.size
  }

  /** Adds a message as the next one, and removes what exceeds the limits. */
  append(message: NewMessage, now: number): KeptMessage {
    const time = Math.max(now, this.#messages.at(-1)?.time ?? 0)
    const { topics, topic, payload, except } = message
    const kept: KeptMessage = { seq: this.#last + 1, topics, topic, payload, except, time }
    this.add(kept, now)
    return kept
  }

  /** Adds the next message of the stream, and removes what exceeds the limits. */
  add(kept: KeptMessage, now: number): void {
    this.#last = kept.seq
    this.#messages.push(kept)
    this.#bytes += sizeOf(kept)
    for (const name of new Set(kept.topics)) this.#index.add(name, kept.seq)
    this.expire(now)
  }

  /** Removes the messages that exceed a limit. */
  expire(now: number): void {
    const { maxMessages, maxBytes, maxAge } = this.#limits
    for (let oldest = this.#oldest; oldest; oldest = this.#oldest) {
      const isKept = this.size <= maxMessages && this.#bytes <= maxBytes && oldest.time > now - maxAge
      if (isKept) break
      this.#removeOldest(oldest)
    }
    // Amortized: each removal moves each message at most once.
    if (this.#start * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#start)
      this.#start = 0
    }
  }

  /** Number of the last message before a time. */
  before(time: number): number {
    let [low, high] = [this.#start, this.#messages.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#messages[middle] as KeptMessage).time < time) low = middle + 1
      else high = middle
    }
    return this.first + (low - this.#start) - 1
  }

  /** Returns the oldest messages of a range that one of the patterns matches, in order. Undefined if some have left. */
  read(patterns: readonly string[], { after, upTo, limit }: ReadRange): KeptMessage[] | undefined {
    const from = after + 1
    const end = Math.min(upTo, this.#last)
    if (from < this.first && from <= end) return undefined
    if (from > end || limit <= 0) return []
    const lists = this.#listsOf(patterns, end - from + 1)
    return lists ? this.#merge(lists, from, end, limit) : this.#scan(patterns, from, end, limit)
  }

  /** Returns the newest messages up to a position that one of the patterns matches, in order. */
  readLast(patterns: readonly string[], count: number, upTo: number): KeptMessage[] {
    const end = Math.min(upTo, this.#last)
    const matches = compilePatterns(patterns)
    const lists = this.#listsOf(patterns, count)
    if (lists) {
      const seqs = lists.flatMap(({ seqs, start }) => {
        const stop = firstAbove(seqs, start, end)
        return seqs.slice(Math.max(start, stop - count), stop)
      })
      return [...new Set(seqs)]
        .sort((one, other) => one - other)
        .slice(-count)
        .map((seq) => this.#at(seq))
    }
    const found: KeptMessage[] = []
    for (let seq = end; seq >= this.first && found.length < count; seq--) {
      const message = this.#at(seq)
      if (message.topics.some(matches)) found.push(message)
    }
    return found.reverse()
  }

  /** The places of all topics that match; undefined if there are more of them than `limit`. */
  #listsOf(patterns: readonly string[], limit: number): TopicPlaces[] | undefined {
    const found = new Set<TopicPlaces>()
    for (const pattern of patterns) {
      for (const places of this.#index.match(pattern, limit + 1)) found.add(places)
      if (found.size > limit) return undefined
    }
    return [...found]
  }

  #scan(patterns: readonly string[], from: number, end: number, limit: number): KeptMessage[] {
    const matches = compilePatterns(patterns)
    const found: KeptMessage[] = []
    for (let seq = from; seq <= end && found.length < limit; seq++) {
      const message = this.#at(seq)
      if (message.topics.some(matches)) found.push(message)
    }
    return found
  }

  /** Takes at most `limit` numbers of each list: the oldest of all of them are among these. */
  #merge(lists: readonly TopicPlaces[], from: number, end: number, limit: number): KeptMessage[] {
    const seqs = lists.flatMap(({ seqs, start }) => {
      const first = firstAbove(seqs, start, from - 1)
      return seqs.slice(first, Math.min(first + limit, firstAbove(seqs, first, end)))
    })
    return [...new Set(seqs)]
      .sort((one, other) => one - other)
      .slice(0, limit)
      .map((seq) => this.#at(seq))
  }

  #at(seq: number): KeptMessage {
    return this.#messages[seq - this.first + this.#start] as KeptMessage
  }

  get #oldest(): KeptMessage | undefined {
    return this.#messages[this.#start]
  }

  #removeOldest(oldest: KeptMessage): void {
    this.#messages[this.#start] = undefined
    this.#start++
    this.#bytes -= sizeOf(oldest)
    for (const topic of new Set(oldest.topics)) this.#index.removeOldest(topic)
  }
}

/** Index of the first number above a bound in a sorted list. */
const firstAbove = (sorted: readonly number[], start: number, bound: number): number => {
  let [low, high] = [start, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) <= bound) low = middle + 1
    else high = middle
  }
  return low
}
