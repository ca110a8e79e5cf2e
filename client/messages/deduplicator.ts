import type { MessageFrame } from '../../core/protocol/protocol.ts'

/** Messages with the same key are equal. Socket.IO cannot send a message without a payload: that one has null. */
const keyOf = ({ topic, payload = null, topics, seq }: MessageFrame): string =>
  JSON.stringify([topic, payload, topics, seq])

/**
 * Delivers each message once while two connections receive the same messages.
 *
 * The client delivers the messages of the old connection at once and holds the messages of the new one. Later it
 * delivers the held messages that the old connection has not delivered. Messages have no ids, so equal content counts:
 * each message of the old connection makes one equal message of the new connection a duplicate.
 */
export class Deduplicator {
  readonly #held: MessageFrame[] = []
  /** How many times the old connection has delivered a message, by its key. */
  readonly #delivered = new Map<string, number>()

  /** Records a message of the old connection. */
  delivered(message: MessageFrame): void {
    const key = keyOf(message)
    this.#delivered.set(key, (this.#delivered.get(key) ?? 0) + 1)
  }

  /** Holds a message of the new connection. */
  hold(message: MessageFrame): void {
    this.#held.push(message)
  }

  /** Returns the held messages that the old connection has not delivered. */
  missing(): MessageFrame[] {
    return this.#held.filter((message) => !this.isDuplicate(message))
  }

  /** Whether the old connection has delivered a message of the new one. Each delivery counts for one duplicate. */
  isDuplicate(message: MessageFrame): boolean {
    const key = keyOf(message)
    const times = this.#delivered.get(key) ?? 0
    if (times > 0) this.#delivered.set(key, times - 1)
    return times > 0
  }
}
