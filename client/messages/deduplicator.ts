import type { MessageFrame } from '../../core/protocol/protocol.ts'

/** Most characters of the keys that are remembered, and of the held messages. */
const MAX_CHARACTERS = 4_000_000

/** Messages with the same key are equal. Socket.IO cannot send a message without a payload: that one has null. */
const keyOf = ({ topic, payload = null, topics, cursor }: MessageFrame): string =>
  cursor ?? JSON.stringify([topic, payload, topics])

/**
 * Delivers each message once while two connections receive the same messages.
 *
 * The client delivers the messages of the old connection at once and holds the messages of the new one. Later it
 * delivers the held messages that the old connection has not delivered. Messages have no ids, so equal content counts:
 * each message of the old connection makes one equal message of the new connection a duplicate.
 *
 * A message of the old connection that the new one cannot bring any more must not count, since it would swallow a later
 * equal message. So the caller calls `mark()` before a request on the new connection, and `forget()` after the reply: by
 * then, the new connection has brought all messages that the old one had brought before the request, or never will.
 */
export class Deduplicator {
  #held: { readonly key: string; readonly message: MessageFrame }[] = []
  /** How many times the old connection has delivered a message, by its key: since `mark()`, and before it. */
  #delivered = new Map<string, number>()
  #earlier = new Map<string, number>()
  #characters = 0
  #heldCharacters = 0

  /** Records a message of the old connection. Beyond a bound, it forgets the oldest ones: they may be repeated then. */
  delivered(message: MessageFrame): void {
    const key = keyOf(message)
    this.#delivered.set(key, (this.#delivered.get(key) ?? 0) + 1)
    this.#characters += key.length
    for (const times of [this.#earlier, this.#delivered]) {
      for (const [oldest, count] of times) {
        if (this.#characters <= MAX_CHARACTERS) return
        times.delete(oldest)
        this.#characters -= oldest.length * count
      }
    }
  }

  /**
   * Holds a message of the new connection.
   *
   * @returns false if there is no room for it
   */
  hold(message: MessageFrame): boolean {
    const key = keyOf(message)
    this.#heldCharacters += key.length
    if (this.#heldCharacters > MAX_CHARACTERS) return false
    this.#held.push({ key, message })
    return true
  }

  mark(): void {
    for (const [key, count] of this.#delivered) this.#earlier.set(key, (this.#earlier.get(key) ?? 0) + count)
    this.#delivered.clear()
  }

  /** Forgets the messages that the old connection delivered before `mark()` and that are not held. */
  forget(): void {
    this.#held = this.#held.filter(({ key }) => !this.#take(this.#earlier, key))
    for (const [key, count] of this.#earlier) this.#characters -= key.length * count
    this.#earlier.clear()
  }

  /** Returns the held messages that the old connection has not delivered. */
  missing(): MessageFrame[] {
    const missing = this.#held.filter(({ key }) => !this.#isDelivered(key))
    this.#held = []
    return missing.map(({ message }) => message)
  }

  /** Whether the old connection has delivered a message of the new one. Each delivery counts for one duplicate. */
  isDuplicate(message: MessageFrame): boolean {
    return this.#isDelivered(keyOf(message))
  }

  #isDelivered(key: string): boolean {
    return this.#take(this.#earlier, key) || this.#take(this.#delivered, key)
  }

  #take(times: Map<string, number>, key: string): boolean {
    const count = times.get(key)
    if (!count) return false
    this.#characters -= key.length
    if (count > 1) times.set(key, count - 1)
    else times.delete(key)
    return true
  }
}
