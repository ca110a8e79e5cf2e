import type { MessageFrame } from '../../core/protocol/protocol.ts'
import type { BackoffBounds } from '../util/backoff.ts'
import { RetryTimer } from '../util/retry-timer.ts'

/** Most messages that wait for a state, and their most characters as JSON. */
const MAX_HELD_MESSAGES = 1_000
const MAX_HELD_CHARACTERS = 1_000_000

/** Loads the state of a subscription, such as from an HTTP route. It may be asynchronous. */
export type LoadState = (context: LoadStateContext) => unknown

export interface LoadStateContext {
  /** Aborts when the result is not needed any more: the subscription has ended, or the state is loaded anew. */
  readonly signal: AbortSignal
}

interface SnapshotHost {
  deliver(message: MessageFrame): void
  loaded(): void
  failed(error: unknown): void
}

/**
 * The state that the application loads for a subscription. Until the state has been loaded, messages wait. Messages that
 * come before `start()` are dropped, since the state contains them.
 */
export class Snapshot {
  readonly #load: LoadState
  readonly #host: SnapshotHost
  readonly #retries: RetryTimer
  /** Undefined when the state has been loaded. */
  #held: MessageFrame[] | undefined = []
  #characters = 0
  #controller: AbortController | undefined

  /** @param bounds wait before the client loads again after a failure */
  constructor(load: LoadState, bounds: BackoffBounds, host: SnapshotHost) {
    this.#load = load
    this.#host = host
    this.#retries = new RetryTimer(bounds, () => void this.#run())
  }

  get isStarted(): boolean {
    return this.#controller !== undefined
  }

  get isLoading(): boolean {
    return this.isStarted && this.#held !== undefined
  }

  /** Holds a message that has to wait. Returns whether it does. */
  hold(message: MessageFrame): boolean {
    if (!this.#held) return false
    if (!this.isStarted) return true
    this.#characters += JSON.stringify(message).length
    if (this.#held.push(message) > MAX_HELD_MESSAGES || this.#characters > MAX_HELD_CHARACTERS) {
      this.#drop()
      this.#controller?.abort()
      this.#retries.start()
    }
    return true
  }

  /** Loads the state, or loads it anew. The position of the subscription is known by now. */
  start(): void {
    this.#drop()
    this.#retries.reset()
    void this.#run()
  }

  /** Ends a load under way. The state is to be loaded again then, before messages are delivered. */
  stop(): void {
    if (!this.#held) return
    this.#controller?.abort()
    this.#controller = undefined
    this.#retries.reset()
  }

  #drop(): void {
    this.#held = []
    this.#characters = 0
  }

  async #run(): Promise<void> {
    this.#controller?.abort()
    const { signal } = (this.#controller = new AbortController())
    try {
      await this.#load({ signal })
    } catch (error) {
      if (signal.aborted) return
      this.#retries.start()
      this.#host.failed(error)
      return
    }
    if (signal.aborted) return
    this.#retries.succeeded()
    const held = this.#held ?? []
    this.#held = undefined
    for (const message of held) this.#host.deliver(message)
    this.#host.loaded()
  }
}
