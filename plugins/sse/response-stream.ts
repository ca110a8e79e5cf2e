import type { ServerResponse } from 'node:http'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Frame } from '../../core/protocol/frame.ts'
import type { Stream } from './event-stream.ts'
import { eventBytes, STREAM_HEADERS } from './framing.ts'

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
    if (!once && response.req.httpVersionMajor === 1) endWithConnection(response)
    response.writeHead(200, STREAM_HEADERS)
    response.flushHeaders()
    // A server's time limit for idle connections is not meant for streams, as it is not for upgraded sockets.
    response.setTimeout(0)
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
    return lengthOf(this.#response)
  }

  write(frames: readonly Frame[]): void {
    if (this.#ended) return
    this.#response.write(eventBytes(frames))
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
    if (this.#ended) throw new RookeryError('disconnected')
    if (text !== '') {
      this.#midway = !text.endsWith('\n\n')
      this.#flushed = new Promise((resolve) => this.#response.write(text, () => resolve(true)))
    }
    if (this.buffered === 0) return true
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
    this.#finish()
  }

  destroy(): void {
    this.#ended = true
    this.#response.destroy()
  }

  #comment(text: string): void {
    if (!this.#ended) this.#response.write(text)
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#heartbeat)
    this.#response.end()
  }
}

/**
 * Has the body end with its connection (RFC 9112, section 6.3) instead of in chunks. Node would frame the same bytes anew for
 * each connection: without that, a write costs as little as one to the socket itself, and a fifth less than a chunk.
 */
const endWithConnection = (response: ServerResponse): void => {
  response.setHeader('connection', 'close')
  response.removeHeader('transfer-encoding')
}

/** Bytes that wait in a response. That of HTTP/2 has no such property, but its stream has. */
const lengthOf = (response: ServerResponse): number => {
  const { writableLength } = response
  return (
    writableLength ?? (response as unknown as { stream: { writableLength: number } }).stream.writableLength
  )
}
