import { RookeryError } from '../../core/protocol/errors.ts'
import type { WelcomeFrame } from '../../core/protocol/protocol.ts'
import { deadline, delay } from './deadline.ts'
import { createEventParser } from './event-stream.ts'
import { readFrame } from './frames.ts'
import { closeFrameOf, parseRefusal, type Refusal } from './refusal.ts'
import { SEQ_MAX_BYTES, SseUplink } from './sse-uplink.ts'
import type { ClientConnection, ConnectionEvents, EncodedFrame } from './transport.ts'

/** How long a stream may take to begin, in milliseconds. After that, the client assumes that a proxy buffers it. */
const MAX_STREAM_START_MS = 1_000

/** How long failures in a row may last, in milliseconds: half of the server's default `grace` for a session. */
const MAX_OUTAGE_MS = 5_000

/** Longest wait between a failure and the next request, in milliseconds. */
const MAX_RETRY_DELAY_MS = 500

/** How long a POST request of the uplink may take, in milliseconds. */
const POST_TIMEOUT_MS = 10_000

/** How long a polling request may take, in milliseconds. Servers respond sooner. */
const POLL_TIMEOUT_MS = 60_000

/** Ends the session. With `keepalive`, the browser sends the request even if the page closes. */
const END_REQUEST = { method: 'DELETE', keepalive: true } as const

type Params = Readonly<Record<string, string>>

interface RequestOptions {
  readonly method?: 'POST' | 'DELETE'
  readonly headers?: Params
  readonly body?: string
  readonly keepalive?: boolean
  readonly signal?: AbortSignal
}

/** Sends a request to the server's endpoint. The suffix follows the path of the endpoint. */
export type MakeRequest = (suffix: string, options: RequestOptions) => Promise<Response>

/**
 * One session over server-sent events. A stream or a series of polling requests brings the server's frames; POST requests
 * carry the client's frames. The session outlives a broken request: the next one resumes it.
 */
export class SseConnection implements ClientConnection {
  readonly #request: MakeRequest
  readonly #events: ConnectionEvents
  readonly #streamStart: number
  readonly #controller = new AbortController()
  #uplink: SseUplink | undefined
  #session = ''
  /** Number of frames received in this session. A request that resumes the session tells the server this number. */
  #received = 0
  /** Whether the server has closed the session. */
  #finished = false
  /** Whether to call no further event. */
  #silent = false

  /** @param streamStart milliseconds that a stream may take to begin; at most 1,000 */
  constructor(request: MakeRequest, params: Params, streamStart: number, events: ConnectionEvents) {
    this.#request = request
    this.#events = events
    this.#streamStart = Math.min(streamStart, MAX_STREAM_START_MS)
    this.#run(params).catch((error) => this.#end(error))
  }

  send(frames: readonly EncodedFrame[]): void {
    if (!this.#silent) this.#uplink?.send(frames).catch((error) => this.#end(error))
  }

  close(): void {
    if (this.#silent) return
    this.#silent = true
    void this.#endSession()
  }

  abort(): void {
    this.#silent = true
    this.#controller.abort()
  }

  async #endSession(): Promise<void> {
    await this.#uplink?.settled
    this.#controller.abort()
    // If the request fails, the session ends on the server after its grace time.
    if (this.#session && !this.#finished)
      await this.#request(`/${this.#session}`, END_REQUEST).catch(() => {})
  }

  /** Receives frames until the session ends. */
  async #run(params: Params): Promise<void> {
    let polling = false
    let failingSince = 0
    while (!this.#finished && !this.#controller.signal.aborted) {
      const session = this.#session
      const received = this.#received
      const query = session ? { session, received: `${received}` } : { ...params, resume: '1' }
      const start = Date.now()
      try {
        const begun = await this.#receive({ ...query, ...(polling && { mode: 'poll' }) }, !polling)
        // A proxy that buffers a stream passes complete responses. If the response to the first poll takes as long as a
        // stream may take to begin, the network is slow, and the client tries a stream again.
        polling = !begun || (polling && (session !== '' || Date.now() - start < this.#streamStart))
        failingSince = 0
        if (begun && this.#received === received) await this.#delay()
      } catch (error) {
        failingSince ||= start
        if (!session || isFinal(error) || Date.now() - failingSince > MAX_OUTAGE_MS) throw error
        await this.#delay()
      }
    }
  }

  /**
   * Sends one request and receives its frames until the response ends or breaks.
   *
   * @returns false when the response did not begin in time
   */
  async #receive(query: Params, streaming: boolean): Promise<boolean> {
    const limit = deadline(this.#controller.signal, streaming ? this.#streamStart : POLL_TIMEOUT_MS)
    let begun = false
    try {
      const response = await this.#request(`?${new URLSearchParams(query)}`, { signal: limit.signal })
      if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
        throw this.#refused(parseRefusal(await response.text()))
      }
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
      const parse = createEventParser()
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        begun = true
        limit.clear()
        for (const frame of parse(chunk.value)) this.#take(frame)
      }
      if (!begun) throw new RookeryError('disconnected')
    } catch (error) {
      const isLate = limit.signal.aborted && !this.#controller.signal.aborted
      if (!begun && !isLate) throw error
    } finally {
      limit.abort()
    }
    return begun
  }

  #take(text: string): void {
    this.#received++
    if (this.#silent) return
    const frame = readFrame(text, this.#events)
    if (frame?.type === 'close') this.#finished = true
    if (frame) this.#events.message(frame.type === 'welcome' ? this.#welcomed(frame) : frame)
  }

  /** Reduces the limit for the client's frames by the bytes of their sequence numbers. */
  #welcomed(welcome: WelcomeFrame): WelcomeFrame {
    const maxPayload = welcome.maxPayload || Number.POSITIVE_INFINITY
    this.#session = welcome.session
    this.#uplink = new SseUplink((body) => this.#deliver(body), maxPayload)
    return { ...welcome, maxPayload: maxPayload - SEQ_MAX_BYTES }
  }

  /** Posts a body, again and again until the server accepts it or the session ends. */
  async #deliver(body: string): Promise<void> {
    for (;;) {
      const limit = deadline(this.#controller.signal, POST_TIMEOUT_MS)
      try {
        const headers = { 'content-type': 'application/json' }
        const options = { method: 'POST', headers, body, signal: limit.signal } as const
        const response = await this.#request(`/${this.#session}`, options)
        if (!response.ok) throw this.#refused(parseRefusal(await response.text()))
        await response.text()
        return
      } catch (error) {
        if (isFinal(error) || this.#finished || this.#controller.signal.aborted) throw error
        await this.#delay()
      } finally {
        limit.abort()
      }
    }
  }

  #delay(): Promise<void> {
    return delay(this.#controller.signal, Math.random() * MAX_RETRY_DELAY_MS)
  }

  /** Handles a refused request. Ends the session if the server refuses the client; returns the error. */
  #refused(refusal: Refusal): unknown {
    const frame = closeFrameOf(refusal)
    if (frame) {
      this.#finished = true
      if (!this.#silent) this.#events.message(frame)
    }
    return errorOf(refusal)
  }

  #end(cause: unknown): void {
    this.#controller.abort()
    if (this.#silent) return
    this.#silent = true
    this.#events.close(
      new RookeryError(this.#session ? 'disconnected' : 'connection_failed', undefined, { cause }),
    )
  }
}

const errorOf = ({ error }: Refusal): unknown => error && RookeryError.from(error)

/** Whether a retry is pointless: the server gave an error that is not retryable. */
const isFinal = (error: unknown): boolean => error instanceof RookeryError && !error.retryable
