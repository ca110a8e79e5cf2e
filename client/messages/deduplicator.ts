import type { MessageFrame } from '../../core/protocol/protocol.ts'

/** What makes two messages the same. Socket.IO cannot say that there is no payload. */
const keyOf = ({ topic, payload = null, topics, seq }: MessageFrame): string =>
  JSON.stringify([topic, payload, topics, seq])

/**
 * A time in which two connections bring messages. What the old one brings is delivered, what the new one brings waits
 * and is then delivered as far as the old one has not brought it. Messages have no ids, so a repeat is known by what it
 * says: each message of the old connection excuses one of the new.
 */
export class Overlap {
  readonly #waiting: MessageFrame[] = []
  /** How many times the old connection has brought what. */
  readonly #delivered = new Map<string, number>()

  /** The old connection has brought a message. */
  delivered(message: MessageFrame): void {
    const key = keyOf(message)
    this.#delivered.set(key, (this.#delivered.get(key) ?? 0) + 1)
  }

  /** The new connection has brought a message. */
  wait(message: MessageFrame): void {
    this.#waiting.push(message)
  }

  /** The messages of the new connection that the old one has not brought. */
  missed(): MessageFrame[] {
    return this.#waiting.filter((message) => !this.isRepeat(message))
  }

  /** Whether the old connection has brought a message of the new one. */
  isRepeat(message: MessageFrame): boolean {
    const key = keyOf(message)
    const times = this.#delivered.get(key) ?? 0
    if (times > 0) this.#delivered.set(key, times - 1)
    return times > 0
  }
}
