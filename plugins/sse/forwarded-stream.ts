import type { Frame } from '../../core/protocol/frame.ts'
import type { Stream } from './event-stream.ts'
import { eventTexts } from './framing.ts'

/** Most characters that go to the other node at a time: messages between nodes have a limit. */
const MAX_TEXT = 128 * 1024

/** The response of another node that a stream goes through. What goes wrong there or on the way rejects. */
export interface Outlet {
  /** Hands text on; resolves with whether the kernel has it. Where it has not yet, no text asks again. */
  write(text: string): Promise<boolean>
  /** Ends the response: at once, or when what was written has left. */
  end(atOnce: boolean): Promise<unknown>
}

/**
 * A stream whose HTTP response another node holds. One piece of text at a time is on its way there; what comes
 * meanwhile goes together in the next, and all of it counts as buffered until that node's kernel has it.
 */
export class RelayedStream implements Stream {
  /** Resolves when it is gone and the other node knows. */
  readonly ended: Promise<void>
  readonly #outlet: Outlet
  readonly #once: boolean
  #gone!: (told: Promise<unknown> | undefined) => void
  #isGone = false
  #queue = ''
  #inFlight = 0
  #sending = false
  #finished = false
  #timer: NodeJS.Timeout | undefined

  /** @param once whether the stream ends with the first frames */
  constructor(outlet: Outlet, once: boolean, closed: () => void) {
    this.#outlet = outlet
    this.#once = once
    this.ended = new Promise<unknown>((resolve) => {
      this.#gone = resolve
    }).then(closed, closed)
  }

  get buffered(): number {
    return this.#inFlight + this.#queue.length
  }

  write(frames: readonly Frame[]): void {
    if (this.#finished) return
    this.#queue += eventTexts(frames)
    this.#finished = this.#once
    void this.#send()
  }

  end(timeout: number): void {
    if (this.#isGone) return
    this.#finished = true
    this.#timer ??= setTimeout(() => this.destroy(), timeout)
    void this.#send()
  }

  destroy(): void {
    this.#leave(() => this.#outlet.end(true))
  }

  /** The response has closed, or the node that held it has gone. */
  lost(): void {
    this.#leave()
  }

  async #send(): Promise<void> {
    if (this.#sending) return
    this.#sending = true
    try {
      while (this.#queue !== '') {
        let text = this.#take()
        while (!(await this.#outlet.write(text)) && !this.#isGone) text = ''
        this.#inFlight = 0
      }
      if (this.#finished) this.#leave(() => this.#outlet.end(false))
    } catch {
      // The client has broken off, or will have to: it comes back for what it has not got.
      this.destroy()
    }
    this.#sending = false
  }

  /** The next piece of the queue, which may end within a frame but not within a character. */
  #take(): string {
    const isPair = /[\uD800-\uDBFF]/.test(this.#queue.charAt(MAX_TEXT - 1))
    const text = this.#queue.slice(0, isPair ? MAX_TEXT - 1 : MAX_TEXT)
    this.#queue = this.#queue.slice(text.length)
    this.#inFlight = text.length
    return text
  }

  #leave(tell?: () => Promise<unknown>): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#finished = true
    this.#queue = ''
    this.#inFlight = 0
    clearTimeout(this.#timer)
    this.#gone(tell?.())
  }
}
