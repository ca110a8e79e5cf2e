import type { KeptMessage } from '../../core/history/store.ts'

/** Messages of one block. */
export const BLOCK_MESSAGES = 256
/** Bound of the blocks in memory, in characters of payloads and topics. */
const MAX_CACHED_CHARACTERS = 16 * 1024 * 1024
/** Bound of the topics of blocks that are remembered. */
const MAX_KNOWN_TOPICS = 500_000
/** Blocks that are read at the same time. */
const MAX_READS = 4
/** What a message counts beside its payload. */
const MESSAGE_CHARACTERS = 200

interface Block {
  readonly messages: readonly KeptMessage[]
  readonly characters: number
}

/**
 * Reads the stream in blocks of 256 consecutive messages, and caches them. Reads of one block at the same time share one
 * request, so sessions that replay the same range read it once. It remembers the topics of the blocks, so that a search for the
 * messages of a rare topic reads the stream once.
 */
export class HistoryBlocks {
  readonly #read: (from: number, to: number) => Promise<readonly KeptMessage[]>
  /** By the number of the block, the least recently used first. */
  readonly #cached = new Map<number, Block>()
  /** The topics of whole blocks. A block leaves the cache earlier than its topics leave this map. */
  readonly #topics = new Map<number, ReadonlySet<string>>()
  #knownTopics = 0
  readonly #reading = new Map<string, Promise<readonly KeptMessage[]>>()
  readonly #waiting: (() => void)[] = []
  #characters = 0
  #active = 0

  /** @param read returns the messages of a range that are kept, in order */
  constructor(read: (from: number, to: number) => Promise<readonly KeptMessage[]>) {
    this.#read = read
  }

  /** Returns the messages of the block with the message `from`, from there to `to` or to the end of the block. */
  async at(from: number, to: number): Promise<readonly KeptMessage[]> {
    const number = blockOf(from)
    const start = number * BLOCK_MESSAGES + 1
    const end = Math.min(to, start + BLOCK_MESSAGES - 1)
    const cached = this.#cached.get(number)
    const first = cached?.messages[0]?.seq ?? Number.POSITIVE_INFINITY
    if (cached && first <= from && first + cached.messages.length > end) {
      this.#cached.delete(number)
      this.#cached.set(number, cached)
      return cached.messages.slice(from - first, end - first + 1)
    }
    const messages = await this.#share(number, start, end)
    return messages.filter(({ seq }) => seq >= from)
  }

  /** Whether a message of the block with the message `seq` may have a topic. False only if it is known. */
  mayHave(seq: number, matches: (topic: string) => boolean): boolean {
    const topics = this.#topics.get(blockOf(seq))
    return topics === undefined || [...topics].some(matches)
  }

  /** Resolves when no read is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#reading.values())
  }

  #share(number: number, start: number, end: number): Promise<readonly KeptMessage[]> {
    const key = `${start} ${end}`
    let reading = this.#reading.get(key)
    if (!reading) {
      reading = this.#inTurn(() => this.#read(start, end))
        .then((messages) => {
          this.#cache(number, messages)
          return messages
        })
        .finally(() => this.#reading.delete(key))
      this.#reading.set(key, reading)
    }
    return reading
  }

  async #inTurn<T>(read: () => Promise<T>): Promise<T> {
    while (this.#active >= MAX_READS) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#active++
    try {
      return await read()
    } finally {
      this.#active--
      this.#waiting.shift()?.()
    }
  }

  #cache(number: number, messages: readonly KeptMessage[]): void {
    this.#remove(number)
    // Messages that follow each other without a hole are found by their place.
    const isWhole =
      messages.length > 0 && messages.every(({ seq }, at) => seq === (messages[0]?.seq ?? 0) + at)
    if (!isWhole) return
    if (messages.length === BLOCK_MESSAGES) this.#remember(number, messages)
    const characters = messages.reduce(
      (sum, { payload = '' }) => sum + payload.length + MESSAGE_CHARACTERS,
      0,
    )
    this.#cached.set(number, { messages, characters })
    this.#characters += characters
    for (const oldest of this.#cached.keys()) {
      if (this.#characters <= MAX_CACHED_CHARACTERS) break
      this.#remove(oldest)
    }
  }

  #remember(number: number, messages: readonly KeptMessage[]): void {
    if (this.#topics.has(number)) return
    const topics = new Set(messages.flatMap((message) => message.topics))
    this.#topics.set(number, topics)
    this.#knownTopics += topics.size
    for (const [oldest, { size }] of this.#topics) {
      if (this.#knownTopics <= MAX_KNOWN_TOPICS) break
      this.#topics.delete(oldest)
      this.#knownTopics -= size
    }
  }

  #remove(number: number): void {
    this.#characters -= this.#cached.get(number)?.characters ?? 0
    this.#cached.delete(number)
  }
}

/** Number of the last message of the block with a message. */
export const blockEnd = (seq: number): number => (blockOf(seq) + 1) * BLOCK_MESSAGES

const blockOf = (seq: number): number => Math.floor((seq - 1) / BLOCK_MESSAGES)
