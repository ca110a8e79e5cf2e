import type { Frame } from '../../core/protocol/frame.ts'
import type { EventStream, OpenStream } from './event-stream.ts'
import { eventTexts } from './framing.ts'

/** Most characters in one message to the other node: messages between nodes have a limit. */
const MAX_WRITE_CHARACTERS = 128 * 1024

/**
 * A response that another node holds. Both methods reject when the node cannot be reached or the response is gone.
 */
export interface RemoteResponse {
  /**
   * Writes text to the response; an empty text only waits. Resolves with true when the kernel has all of the text, or
   * after a time with false.
   */
  write(text: string): Promise<boolean>
  /** Ends the response: at once, or when the buffered bytes have left. */
  end(atOnce: boolean): Promise<unknown>
}

/**
 * An event stream whose response another node holds. One piece of text at a time is on its way to that node; frames
 * that are written meanwhile go together in the next piece. All text counts as buffered until the other node's kernel
 * has it.
 */
export class ForwardedStream implements EventStream {
  /** Resolves when the stream is gone and the other node knows. */
  readonly ended: Promise<void>
  readonly #response: RemoteResponse
  readonly #once: boolean
  #resolveEnded!: (notified: Promise<unknown> | undefined) => void
  #isGone = false
  #isComplete = false
  #queue = ''
  #bytes = 0
  #sending = false
  #finished = false
  #timer: NodeJS.Timeout | undefined

  /** @param once whether the stream ends with the first frames */
  constructor(response: RemoteResponse, once: boolean, closed: Parameters<OpenStream>[0]) {
    this.#response = response
    this.#once = once
    const gone = () => closed(this.#isComplete)
    this.ended = new Promise<unknown>((resolve) => {
      this.#resolveEnded = resolve
    }).then(gone, gone)
  }

  get buffered(): number {
    return this.#bytes
  }

  write(frames: readonly Frame[]): boolean {
    if (this.#finished) return false
    const text = eventTexts(frames)
    this.#queue += text
    this.#bytes += Buffer.byteLength(text)
    this.#finished = this.#once
    void this.#send()
    return true
  }

  end(timeout: number): void {
    if (this.#isGone) return
    this.#finished = true
    this.#timer ??= setTimeout(() => this.destroy(), timeout)
    void this.#send()
  }

  destroy(): void {
    this.#drop(() => this.#response.end(true))
  }

  /** The response has closed, or the node that held it has left. */
  lost(): void {
    this.#drop()
  }

  async #send(): Promise<void> {
    if (this.#sending) return
    this.#sending = true
    try {
      while (this.#queue !== '') {
        const text = this.#take()
        // An empty text waits for the other node's kernel to take the piece.
        for (let piece = text; !(await this.#response.write(piece)) && !this.#isGone; ) piece = ''
        this.#bytes -= Buffer.byteLength(text)
      }
      if (this.#finished && !this.#isGone) {
        this.#isComplete = true
        this.#drop(() => this.#response.end(false))
      }
    } catch {
      // The text may be lost. Without the stream, the client resumes and gets the frames that it has not received.
      this.destroy()
    }
    this.#sending = false
  }

  /** The next piece of the queue. It may end within a frame, but not within a surrogate pair. */
  #take(): string {
    const isPair = /[\uD800-\uDBFF]/.test(this.#queue.charAt(MAX_WRITE_CHARACTERS - 1))
    const text = this.#queue.slice(0, isPair ? MAX_WRITE_CHARACTERS - 1 : MAX_WRITE_CHARACTERS)
    this.#queue = this.#queue.slice(text.length)
    return text
  }

  #drop(notify?: () => Promise<unknown>): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#finished = true
    this.#queue = ''
    this.#bytes = 0
    clearTimeout(this.#timer)
    this.#resolveEnded(notify?.())
  }
}
