import type { RookeryError } from '../../core/protocol/errors.ts'
import type { CallOptions } from '../message-options.ts'
import type { Client } from '../types.ts'
import { Store } from './store.ts'

export interface CallSnapshot {
  readonly call: (payload?: unknown, options?: CallOptions) => Promise<unknown>
  /** Whether the last call is under way. */
  readonly pending: boolean
  /** Why the last call failed. `client.isError` tells the codes apart. */
  readonly error: RookeryError | undefined
  /** The last reply. */
  readonly data: unknown
  /** Forgets the last call and its result. The call goes on. */
  readonly reset: () => void
}

const IDLE = { pending: false, error: undefined, data: undefined }

/** The last call of a topic. A reply to an earlier call does not change the snapshot. */
export class CallStore extends Store<CallSnapshot> {
  #last: Promise<unknown> | undefined
  #controller = new AbortController()

  constructor(client: Client, topic: string) {
    const call = (payload?: unknown, options?: CallOptions) => {
      const { signal } = this.#controller
      const reply = client.call(topic, payload, { signal, ...options })
      this.#follow(reply)
      return reply
    }
    super({ ...IDLE, call, reset: () => this.#reset() })
  }

  /** Aborts the calls under way, except those with a `signal` of their own. */
  readonly abort = (): void => {
    this.#controller.abort()
    this.#controller = new AbortController()
    if (this.get().pending) this.#reset()
  }

  #follow(reply: Promise<unknown>): void {
    const settle = (result: Partial<CallSnapshot>) => {
      if (this.#last === reply) this.update({ ...result, pending: false })
    }
    this.#last = reply
    this.update({ pending: true, error: undefined })
    // This also handles the rejection, for callers that ignore the promise.
    reply.then(
      (data) => settle({ data }),
      (error) => settle({ error }),
    )
  }

  #reset(): void {
    this.#last = undefined
    this.update(IDLE)
  }
}
