import type { WelcomeFrame } from '../../core/protocol/protocol.ts'

/** Part of the server's rate that the client uses: the clocks differ. */
const RATE_SHARE = 0.95

/**
 * Part of the server's burst that the client uses. The network may bring frames together that the client has sent one
 * after the other: at the default limits, the rest absorbs 500 ms of them.
 */
const BURST_SHARE = 0.75

/** Keeps the frames of one connection within the rates that the server has announced: a token bucket for each rate. */
export class Pacer {
  readonly #buckets: readonly Bucket[]

  /** @param now milliseconds on a steady clock */
  constructor({ messageRate, messageBurst, byteRate, byteBurst }: Partial<WelcomeFrame>, now: number) {
    this.#buckets = [new Bucket(messageRate, messageBurst, now), new Bucket(byteRate, byteBurst, now)]
  }

  /** Returns after how many milliseconds a frame of that size may leave; 0: now. */
  wait(bytes: number, now: number): number {
    return Math.max(...this.#buckets.map((bucket, index) => bucket.wait(index ? bytes : 1, now)))
  }

  /** Counts a frame that leaves now. A frame that must not wait, such as a pong, makes later frames wait longer. */
  take(bytes: number, now: number): void {
    this.#buckets.forEach((bucket, index) => void bucket.take(index ? bytes : 1, now))
  }
}

class Bucket {
  /** Tokens a millisecond. */
  readonly #rate: number
  readonly #burst: number
  #level: number
  #at: number

  constructor(rate: number | undefined, burst: number | undefined, now: number) {
    this.#rate = (limitOf(rate) * RATE_SHARE) / 1000
    this.#burst = this.#level = limitOf(burst) * BURST_SHARE
    this.#at = now
  }

  /** A frame that is larger than the burst waits for a full bucket, and then takes more than that. */
  wait(tokens: number, now: number): number {
    const missing = Math.min(tokens, this.#burst) - this.#refilled(now)
    return missing > 0 ? Math.ceil(missing / this.#rate) : 0
  }

  take(tokens: number, now: number): void {
    this.#level = this.#refilled(now) - tokens
    this.#at = now
  }

  #refilled(now: number): number {
    return Math.min(this.#burst, this.#level + Math.max(0, now - this.#at) * this.#rate)
  }
}

/** A limit that is absent or no number counts as none. */
const limitOf = (limit: number | undefined): number => (limit && limit > 0 ? limit : Number.MAX_VALUE)
