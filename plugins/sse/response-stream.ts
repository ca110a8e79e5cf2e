import type { ServerResponse } from 'node:http'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Frame } from '../../core/protocol/frame.ts'
import type { EventStream, OpenStream } from './event-stream.ts'
import { eventBytes, STREAM_HEADERS } from './framing.ts'

/** Comments that begin a stream and keep an idle one open. Parsers of event streams skip them. */
const HELLO = ': hello\n\n'
const HEARTBEAT = ': heartbeat\n\n'

const FLUSHED = Promise.resolve(true)

/**
 * Streams events in an HTTP response. For clients behind proxies that hold a response back until it ends, the
 * response ends after the first frames.
 */
export class ResponseStream implements EventStream {
  readonly #response: ServerResponse
  readonly #once: boolean
  readonly #heartbeat: NodeJS.Timeout
  #ended = false
  /** Whether the text so far ends within an event. */
  #isWithinEvent = false
  /** Resolves when the kernel has the text so far, or the response is gone. */
  #flushed = FLUSHED

  /**
   * @param heartbeat milliseconds between two comments
   * @param once whether the response ends with the first frames, or at the first heartbeat
   * @param closed called once, when the response is gone
   */
  constructor(response: ServerResponse, heartbeat: number, once: boolean, closed: Parameters<OpenStream>[0]) {
    this.#response = response
    this.#once = once
    if (!response.headersSent) beginStream(response, once)
    this.#heartbeat = setInterval(() => {
      if (this.#isWithinEvent) return
      this.#comment(HEARTBEAT)
      if (once) this.#finish()
    }, heartbeat)
    let complete = false
    response.once('finish', () => {
      complete = true
    })
    const gone = () => {
      this.#ended = true
      clearInterval(this.#heartbeat)
      closed(complete)
    }
    // The client may have gone while its session was being opened.
    if (isGone(response)) {
      response.destroy()
      queueMicrotask(gone)
    } else response.once('close', gone)
    // `close` follows a reset by the peer, too.
    response.on('error', () => {})
  }

  get buffered(): number {
    return lengthOf(this.#response)
  }

  write(frames: readonly Frame[]): boolean {
    if (this.#ended) return false
    this.#response.write(eventBytes(frames))
    if (this.#once) this.#finish()
    return true
  }

  /**
   * Writes a piece of the text of events. The piece may begin and end within an event. An empty text only waits.
   *
   * @param limit most milliseconds to wait for the kernel to take the text
   * @returns true when the kernel has all of it, false after the limit
   * @throws `disconnected` when the response has ended
   */
  async writeText(text: string, limit: number): Promise<boolean> {
    if (this.#ended) throw new RookeryError('disconnected')
    if (text !== '') {
      this.#isWithinEvent = !text.endsWith('\n\n')
      this.#flushed = new Promise((resolve) => this.#response.write(Buffer.from(text), () => resolve(true)))
    }
    if (this.buffered === 0) return true
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), limit)
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

/** Sends the headers of a stream and a first comment, so that the client knows that no proxy holds the stream back. */
export const beginStream = (response: ServerResponse, once: boolean): void => {
  // A response of HTTP/2 throws then.
  if (isGone(response)) return
  if (!once && response.req.httpVersionMajor === 1) endWithConnection(response)
  response.writeHead(200, STREAM_HEADERS)
  response.flushHeaders()
  // A server's limit for idle connections must not end streams.
  response.setTimeout(0)
  response.write(HELLO)
}

/** Whether the client has closed the connection of a response. */
export const isGone = (response: ServerResponse): boolean => response.destroyed || !response.socket

/**
 * Makes the end of the connection the end of the body (RFC 9112, section 6.3), instead of sending chunks. Node frames
 * chunks anew for each connection: a write without a frame costs a fifth less, as little as a write to the socket
 * itself.
 */
const endWithConnection = (response: ServerResponse): void => {
  response.setHeader('connection', 'close')
  response.removeHeader('transfer-encoding')
}

/** The bytes that are buffered in a response. A response of HTTP/2 does not have the property; its stream does. */
const lengthOf = (response: ServerResponse): number => {
  const { writableLength } = response
  return (
    writableLength ?? (response as unknown as { stream: { writableLength: number } }).stream.writableLength
  )
}
