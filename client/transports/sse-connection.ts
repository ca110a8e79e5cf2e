import { RookeryError } from '../../core/protocol/errors.ts'
import type { WelcomeFrame } from '../../core/protocol/protocol.ts'
import { deadline, delay } from './deadline.ts'
import { createEventParser } from './event-stream.ts'
import { readFrame, refusalOf } from './frames.ts'
import { closeFrameOf, errorOf, parseRefusal, type Refusal } from './refusal.ts'
import { isFinal, type MakeRequest, requestText } from './sse-request.ts'
import { SEQ_MAX_BYTES, SseUplink } from './sse-uplink.ts'
import type { ClientConnection, ConnectionEvents, EncodedFrame } from './transport.ts'

/** How long a stream may take to begin, in milliseconds. After that, the client assumes that a proxy buffers it. */
const MAX_STREAM_START_MS = 1_000

/** How long failures of the stream in a row may last, in milliseconds: half of the server's default `grace`. */
const MAX_OUTAGE_MS = 5_000

/** How long failures of POST requests in a row may last, in milliseconds: one that hangs is repeated once. */
const MAX_UPLINK_OUTAGE_MS = 15_000

/** Longest wait between a failure and the next request, in milliseconds. */
const MAX_RETRY_DELAY_MS = 500

/** How long a POST request of the uplink may take, in milliseconds. */
const POST_TIMEOUT_MS = 10_000

/** How fast a POST request must be beyond that time, in bytes per millisecond. */
const MIN_UPLOAD_RATE = 8

/** How long a polling request may take, in milliseconds. Servers respond sooner. */
const POLL_TIMEOUT_MS = 60_000

/** How long the last frames of a session that the server has closed may take to arrive, in milliseconds. */
const LAST_FRAMES_WAIT_MS = 5_000

/** How long `close()` may wait for the frames to leave, and then for the end of the session, in milliseconds. */
const CLOSE_WAIT_MS = 2_500

/** After this many bytes of frames, the client acknowledges them even if it has nothing to send. */
const MAX_UNACKNOWLEDGED_BYTES = 64 * 1024

/** A frame counts as this many bytes more, so that the client acknowledges at least every 256 frames. */
const FRAME_OVERHEAD_BYTES = 256

type Params = Readonly<Record<string, string>>

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
  /** Number of frames received in this session. Every request tells the server, which then forgets these frames. */
  #received = 0
  #unacknowledgedBytes = 0
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

  get buffered(): number {
    return this.#uplink?.buffered ?? 0
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
    const { signal } = this.#controller
    if (!this.#finished) await Promise.race([this.#uplink?.settle(), delay(signal, CLOSE_WAIT_MS)])
    this.#controller.abort()
    if (!this.#session || this.#finished) return
    // With `keepalive`, the browser sends the request even if the page closes. If it fails, the session ends after its grace.
    const options = { method: 'DELETE', keepalive: true } as const
    const suffix = `/${this.#session}`
    await requestText(this.#request, suffix, options, undefined, CLOSE_WAIT_MS).catch(() => {})
  }

  /** Receives frames until the session ends. */
  async #run(params: Params): Promise<void> {
    let polling = false
    let failingSince = 0
    while (!this.#finished && !this.#controller.signal.aborted) {
      const session = this.#session
      const received = this.#received
      this.#unacknowledgedBytes = 0
      const query = session ? { session, received: `${received}` } : { ...params, resume: 'ack' }
      const start = Date.now()
      try {
        const begun = await this.#receive({ ...query, ...(polling && { mode: 'poll' }) }, !polling)
        if (begun && !this.#session && !this.#finished) throw new RookeryError('disconnected')
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
      const { signal } = limit
      const response = await limit.race(this.#request(`?${new URLSearchParams(query)}`, { signal }))
      if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
        const refusal = parseRefusal(await limit.race(response.text()))
        this.#refused(refusal)
        // A proxy may answer like this while it restarts: the client asks again.
        const error = errorOf(refusal, response.status)
        throw refusal.error ? error : new Error(error.message)
      }
      const reader = response.body!.getReader()
      const decoder = new TextDecoder()
      const parse = createEventParser()
      for (let chunk = await limit.race(reader.read()); !chunk.done; chunk = await reader.read()) {
        begun = true
        limit.clear()
        for (const frame of parse(decoder.decode(chunk.value, { stream: true }))) this.#take(frame)
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
    this.#unacknowledgedBytes += text.length + FRAME_OVERHEAD_BYTES
    if (this.#silent) return
    const frame = readFrame(text, this.#events)
    if (frame?.type === 'close') this.#finished = true
    if (frame) this.#events.message(frame.type === 'welcome' ? this.#welcomed(frame) : frame)
    // `welcome` is acknowledged at once: until then, a lost connection ends the session on the server.
    const isDue = frame?.type === 'welcome' || this.#unacknowledgedBytes > MAX_UNACKNOWLEDGED_BYTES
    if (isDue && this.#unacknowledgedBytes > 0 && !this.#silent)
      this.#uplink?.acknowledge().catch((error) => this.#end(error))
  }

  /** Reduces the limit for the client's frames by the bytes of their sequence numbers. */
  #welcomed(welcome: WelcomeFrame): WelcomeFrame {
    const maxPayload = welcome.maxPayload || Number.POSITIVE_INFINITY
    this.#session = welcome.session
    const host = {
      post: (body: string, from: number) => this.#post(body, from),
      refused: ({ frame }: EncodedFrame, error: RookeryError) => {
        if (frame.type !== 'pong' && !this.#silent) this.#events.message(refusalOf(frame, error))
      },
    }
    this.#uplink = new SseUplink(host, maxPayload)
    return { ...welcome, maxPayload: maxPayload - SEQ_MAX_BYTES }
  }

  /** Posts a body, and repeats a request that fails for a temporary reason. See `UplinkHost`. */
  async #post(body: string, from: number): Promise<RookeryError | undefined> {
    const { signal } = this.#controller
    const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body } as const
    const timeout = POST_TIMEOUT_MS + body.length / MIN_UPLOAD_RATE
    let failingSince = 0
    for (;;) {
      const start = Date.now()
      const suffix = `/${this.#session}?received=${this.#received}${from ? `&from=${from}` : ''}`
      this.#unacknowledgedBytes = 0
      try {
        const [status, text] = await requestText(this.#request, suffix, options, signal, timeout)
        const answer = parseRefusal(text)
        // The page of a proxy may have the status 200, too.
        if (status === 200 && Number.isInteger(answer.next)) return undefined
        this.#refused(answer)
        const error = errorOf(answer, status)
        if (error.code === 'unknown_session') {
          // The server has closed the session: the stream brings its last messages and the reason.
          await delay(signal, LAST_FRAMES_WAIT_MS)
        } else if (!error.retryable) return error
        throw error
      } catch (error) {
        failingSince ||= start
        const isOver = this.#finished || signal.aborted
        if (isFinal(error) || isOver || Date.now() - failingSince > MAX_UPLINK_OUTAGE_MS) throw error
        await this.#delay()
      }
    }
  }

  #delay(): Promise<void> {
    return delay(this.#controller.signal, Math.random() * MAX_RETRY_DELAY_MS)
  }

  /** Ends the session if the server refuses the client, not only the request. */
  #refused(refusal: Refusal): void {
    const frame = closeFrameOf(refusal)
    if (!frame) return
    this.#finished = true
    if (!this.#silent) this.#events.message(frame)
  }

  #end(cause: unknown): void {
    this.#controller.abort()
    if (this.#silent) return
    const error = new RookeryError(this.#session ? 'disconnected' : 'connection_failed', undefined, { cause })
    // The client rejects the calls itself, and restores the subscriptions.
    for (const { frame } of this.#uplink?.frames ?? []) {
      const isMessage = frame.type === undefined && frame.id === undefined
      if (isMessage && !this.#silent) this.#events.message(refusalOf(frame, error))
    }
    if (this.#silent) return
    this.#silent = true
    this.#events.close(error)
  }
}
