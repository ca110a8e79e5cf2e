import type { RookeryError } from '../protocol/errors.ts'
import { createAbortController } from '../util/abort.ts'

/** One call of a listener. The signal is created when the listener reads it: most listeners do not. */
export class ListenerCall {
  #controller: AbortController | undefined
  #reason: RookeryError | undefined
  onAbort: (() => void) | undefined

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = createAbortController()
      if (this.#reason) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  get aborted(): boolean {
    return this.#reason !== undefined
  }

  abort(reason: RookeryError): void {
    this.#reason ??= reason
    this.#controller?.abort(reason)
    this.onAbort?.()
  }
}
