import type { ServerResponse } from 'node:http'
import { RookeryError } from '../../core/errors.ts'
import type { Frame } from '../../core/frame.ts'
import { chunk, chunkedBytes, plainBytes, STREAM_HEADERS } from './framing.ts'
import type { Stream } from './stream.ts'

/** Comments that keep a quiet stream alive; every parser skips them. */
const HELLO = ': hello\n\n'
const HEARTBEAT = ': heartbeat\n\n'

const FLUSHED = Promise.resolve(true)

/** One HTTP response that streams; or one that ends as soon as it has said something, for proxies that wait for its end. */
export class ResponseStream implements Stream {
  readonly #response: ServerResponse
  readonly #once: boolean
  readonly #heartbeat: NodeJS.Timeout
  #ended = false
  /** Whether the text so far ends in the middle of an event. */
  #midway = false
  /** Resolves when the kernel has the text so far, or nobody wants it any more. */
  #flushed = FLUSHED

  /**
   * @param heartbeat milliseconds between two comments
   * @param once whether the response ends with the first frames, or with the first heartbeat
   */
  constructor(response: ServerResponse, heartbeat: number, once: boolean, closed: () => void) {
    this.#response = response
    this.#once = once
    response.writeHead(200, STREAM_HEADERS)
    response.flushHeaders()
    this.#heartbeat = setInterval(() => {
      if (this.#midway) return
      this.#comment(HEARTBEAT)
      if (once) this.#finish()
    }, heartbeat)
    const gone = () => {
      this.#ended = true
      clearInterval(this.#heartbeat)
      closed()
    }
    // The client may have left while its session was being opened.
    if (response.destroyed || !response.socket) {
      response.destroy()
      queueMicrotask(gone)
    } else response.once('close', gone)
    // A reset by the peer shows as `close`, too.
    response.on('error', () => {})
    this.#comment(HELLO)
  }

  get buffered(): number {
    return this.#response.socket?.writableLength ?? 0
  }

  /**
   * Goes past `response.write`, which would take the same bytes apart and frame them for each connection; the
   * headers have left, and nothing else writes.
   */
  write(frames: readonly Frame[]): void {
    if (this.#ended) return
    this.#response.socket?.write(this.#response.chunkedEncoding ? chunkedBytes(frames) : plainBytes(frames))
    if (this.#once) this.#finish()
  }

  /**
   * Writes a part of the text of events, which need not be whole ones. Resolves when the kernel has all of it: with
   * true, or after a time with false; no text waits on.
   *
   * @param patience milliseconds
   * @throws `disconnected` when the response has ended
   */
  async writeText(text: string, patience: number): Promise<boolean> {
    const { socket } = this.#response
    if (this.#ended || !socket) throw new RookeryError('disconnected')
    if (text !== '') {
      this.#midway = !text.endsWith('\n\n')
      this.#flushed = new Promise((resolve) => socket.write(this.#framed(text), () => resolve(true)))
    }
    if (socket.writableLength === 0) return true
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), patience)
    })
    return await Promise.race([this.#flushed, late]).finally(() => clearTimeout(timer))
  }

  end(timeout: number): void {
    if (this.#response.closed) return
    const timer = setTimeout(() => this.destroy(), timeout)
    this.#response.once('close', () => clearTimeout(timer))
    this.#response.shouldKeepAlive = false
    this.#finish()
  }

  destroy(): void {
    this.#ended = true
    this.#response.destroy()
  }

  #comment(text: string): void {
    if (!this.#ended) this.#response.socket?.write(this.#framed(text))
  }

  #framed(text: string): string | Buffer {
    return this.#response.chunkedEncoding ? chunk(text) : text
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#heartbeat)
    this.#response.end()
  }
}
