import type { KeptMessage } from '../../core/history/store.ts'
import type { Logger } from '../../core/util/logger.ts'

/** Messages that wait in memory until the messages before them have been read from the stream. */
const MAX_EARLY_MESSAGES = 1_000
/** Messages that one read returns at most. */
const READ_MESSAGES = 256

export interface OrderedDeliveryHost {
  readonly log: Logger
  deliver(message: KeptMessage): void
  /** The next message does not follow the last one. */
  lost(): void
  /** Reads the messages that are kept of a range, in order. */
  read(from: number, to: number): Promise<readonly KeptMessage[]>
  /** Number of the oldest message that is kept. */
  first(): Promise<number>
  /** The stream could not be read. `reach` has to be called again. */
  failed(error: unknown): void
}

/**
 * Delivers messages in the order of their numbers. If some are missing, because the connection was lost or NATS has dropped
 * them, reads them from the stream before it goes on.
 */
export class OrderedDelivery {
  readonly #host: OrderedDeliveryHost
  /** Messages that have arrived before an earlier one. */
  readonly #early = new Map<number, KeptMessage>()
  #delivered = 0
  /** The last message that was delivered, as it is stored. Undefined if there is none since `reset`. */
  #last: KeptMessage | undefined
  /** The highest number that is known. */
  #newest = 0
  #time = 0
  #reading: Promise<void> | undefined
  #isStopped = false

  constructor(host: OrderedDeliveryHost) {
    this.#host = host
  }

  get delivered(): number {
    return this.#delivered
  }

  /** Goes on after a number, also after a lower one. */
  reset(delivered: number): void {
    this.#delivered = delivered
    this.#last = undefined
    this.#newest = delivered
    this.#early.clear()
  }

  /**
   * Whether the stream has another message in the place of the last one that was delivered: a server has lost its newest
   * messages, and a node has stored others since.
   */
  async isReplaced(stream: { read: OrderedDeliveryHost['read'] }): Promise<boolean> {
    const last = this.#last
    if (!last) return false
    const [stored] = await stream.read(last.seq, last.seq)
    // Without the time: a republished message does not tell when it was stored.
    return stored?.seq === last.seq && (stored.topic !== last.topic || stored.payload !== last.payload)
  }

  stop(): void {
    this.#isStopped = true
    this.#early.clear()
  }

  /** Takes a message that has just been stored. Returns false for a message that was delivered before. */
  receive(message: KeptMessage): boolean {
    if (message.seq <= this.#delivered) return false
    this.#newest = Math.max(this.#newest, message.seq)
    if (message.seq === this.#delivered + 1) this.#deliver(message)
    else {
      if (this.#early.size < MAX_EARLY_MESSAGES) this.#early.set(message.seq, message)
      this.reach(message.seq).catch((error) => this.#host.failed(error))
    }
    return true
  }

  /** Resolves when the messages up to a number have been delivered. Reads the missing messages from the stream. */
  async reach(last: number): Promise<void> {
    this.#newest = Math.max(this.#newest, last)
    if (this.#newest <= this.#delivered || this.#isStopped) return
    this.#reading ??= this.#readMissing()
    await this.#reading
  }

  async #readMissing(): Promise<void> {
    try {
      while (this.#delivered < this.#newest && !this.#isStopped) await this.#readNext()
    } finally {
      // Within the turn of the last comparison, so that a number that comes later starts another read.
      this.#reading = undefined
    }
  }

  async #readNext(): Promise<void> {
    const after = this.#delivered
    const to = Math.min(after + READ_MESSAGES, this.#newest)
    const found = await this.#host.read(after + 1, to)
    // The delivery was stopped or reset meanwhile.
    if (this.#isStopped || this.#delivered !== after) return
    for (const message of found) {
      if (message.seq > this.#delivered + 1) this.#skip(message.seq - 1)
      if (message.seq === this.#delivered + 1) this.#deliver(message)
    }
    if (found.length > 0 && this.#delivered > after) return
    const first = await this.#host.first()
    if (first <= to) throw new Error('The server that has answered is behind the others')
    if (!this.#isStopped && this.#delivered === after) this.#skip(Math.min(first - 1, this.#newest))
  }

  #deliver(message: KeptMessage): void {
    let next: KeptMessage | undefined = message
    while (next) {
      this.#delivered = next.seq
      this.#last = next
      this.#early.delete(next.seq)
      this.#time = Math.max(this.#time, next.time)
      this.#host.deliver(next.time === this.#time ? next : { ...next, time: this.#time })
      next = this.#early.get(this.#delivered + 1)
    }
  }

  /** Goes on after messages that the stream no longer has. */
  #skip(to: number): void {
    const from = this.#delivered + 1
    this.#host.log.warn(
      { from, to, messages: to - from + 1 },
      'messages of the history have expired before this node got them',
    )
    this.#delivered = to
    this.#last = undefined
    for (const seq of this.#early.keys()) if (seq <= to) this.#early.delete(seq)
    this.#host.lost()
  }
}
