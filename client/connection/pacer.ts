import type { WelcomeFrame } from '../../core/protocol/protocol.ts'
import { MAX_TIMEOUT_MS } from '../util/option-values.ts'

/** Part of the server's rate that the client uses: the clocks differ. */
const RATE_SHARE = 0.95

/**
 * Part of the server's burst that the client uses. The network may bring frames together that the client has sent one
 * after the other: at the default limits, the rest absorbs one second of them.
 */
const BURST_SHARE = 0.5

/** Keeps the frames of one connection within the rates that the server has announced: a token bucket for each rate. */
export class Pacer {
  readonly #frames: Bucket
  readonly #bytes: Bucket

  /** @param now milliseconds on a steady clock */
  constructor({ messageRate, messageBurst, byteRate, byteBurst }: Partial<WelcomeFrame>, now: number) {
    this.#frames = new Bucket(messageRate, messageBurst, now)
    this.#bytes = new Bucket(byteRate, byteBurst, now)
  }

  /** Returns after how many milliseconds a frame of that size may leave; 0: now. */
  wait(bytes: number, now: number): number {
    return Math.max(this.#frames.wait(1, now), this.#bytes.wait(bytes, now))
  }

  /** Counts a frame that leaves now. A frame that must not wait, such as a pong, makes later frames wait longer. */
  take(bytes: number, now: number): void {
    this.#frames.take(1, now)
    this.#bytes.take(bytes, now)
  }
}

/** Tokens. A sum of fractions may miss a whole number by as much. */
const ROUNDING_ERROR = 1e-6

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
    return missing > ROUNDING_ERROR ? Math.min(Math.ceil(missing / this.#rate), MAX_TIMEOUT_MS) : 0
  }

  take(tokens: number, now: number): void {
    this.#level = this.#refilled(now) - tokens
    this.#at = now
  }

  #refilled(now: number): number {
    return Math.min(this.#burst, this.#level + (now - this.#at) * this.#rate)
  }
}

/** A limit that is absent or not valid counts as none: the client does not trust the server's frames. */
const limitOf = (limit: number | undefined): number =>
  typeof limit === 'number' && limit > 0 ? limit : Number.MAX_VALUE
