import { onTestFinished, vi } from 'vitest'
import type { Received } from './bare-client.ts'

/** Reads an event stream without an EventSource. */
export class SseReader {
  readonly response: Response
  /** Frames in the order of arrival, control frames included. */
  readonly frames: Received[] = []
  ended = false
  #text = ''
  #read = 0
  readonly #abort: AbortController

  private constructor(response: Response, abort: AbortController) {
    this.response = response
    this.#abort = abort
    onTestFinished(() => this.close())
    void this.#pump()
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<SseReader> {
    const abort = new AbortController()
    const response = await fetch(url, {
      headers: { accept: 'text/event-stream', ...headers },
      signal: abort.signal,
    })
    return new SseReader(response, abort)
  }

  close(): void {
    this.#abort.abort()
  }

  async until(fits: (frame: Received) => boolean): Promise<Received> {
    return await vi.waitFor(
      () => {
        const frame = this.frames.find(fits)
        if (!frame) throw new Error(`no such frame yet in ${this.#text.slice(0, 2000)}`)
        return frame
      },
      { interval: 5 },
    )
  }

  async untilText(fits: (text: string) => boolean): Promise<void> {
    await vi.waitFor(
      () => {
        if (!fits(this.#text)) throw new Error(`not yet: ${this.#text.slice(0, 2000)}`)
      },
      { interval: 5 },
    )
  }

  async #pump(): Promise<void> {
    const decoder = new TextDecoder()
    try {
      for await (const bytes of this.response.body ?? []) {
        this.#text += decoder.decode(bytes as Uint8Array, { stream: true })
        for (
          let end = this.#text.indexOf('\n\n', this.#read);
          end >= 0;
          end = this.#text.indexOf('\n\n', this.#read)
        ) {
          const data = /^data: ([^\n]*)$/m.exec(this.#text.slice(this.#read, end))?.[1]
          this.#read = end + 2
          if (data) this.frames.push(JSON.parse(data) as Received)
        }
      }
    } catch {
      // `close` aborts the request.
    }
    this.ended = true
  }
}
