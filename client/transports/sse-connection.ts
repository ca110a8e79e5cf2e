import { RookeryError } from '../../core/protocol/errors.ts'
import type { WelcomeFrame } from '../../core/protocol/protocol.ts'
import { deadline, pause } from './deadline.ts'
import { takeEvents } from './event-stream.ts'
import { readFrame } from './frames.ts'
import { closeFrameOf, type Refusal, refusalOf } from './refusal.ts'
import { NUMBER_BYTES, Uplink } from './sse-uplink.ts'
import type { ClientConnection, ConnectionEvents, EncodedFrame } from './transport.ts'

/** Most milliseconds for a stream to begin, until something on the way is taken to hold it back. */
const MAX_PATIENCE = 1_000

/** How long failures in a row may go on, in milliseconds: half as long as a server keeps a session by default. */
const MAX_FAILURE = 5_000

/** Most milliseconds between a failure and the next request. */
const MAX_PAUSE = 500

/** How long a request of the uplink may take, in milliseconds. */
const POST_TIMEOUT = 10_000

/** How long a request may take that waits for something to happen, in milliseconds; servers answer sooner. */
const POLL_TIMEOUT = 60_000

/** Also sent when the page goes. */
const LEAVE = { method: 'DELETE', keepalive: true } as const

type Params = Readonly<Record<string, string>>

interface RequestOptions {
  readonly method?: 'POST' | 'DELETE'
  readonly headers?: Params
  readonly body?: string
  readonly keepalive?: boolean
  readonly signal?: AbortSignal
}

/** Makes a request to the server's endpoint, with a suffix after its path. */
export type MakeRequest = (suffix: string, options: RequestOptions) => Promise<Response>

export class SseConnection implements ClientConnection {
  readonly #request: MakeRequest
  readonly #events: ConnectionEvents
  readonly #patience: number
  readonly #over = new AbortController()
  #uplink: Uplink | undefined
  #session = ''
  /** Frames of the session so far: who comes back says how many it has. */
  #received = 0
  /** Whether the server has closed the session. */
  #finished = false
  /** Whether nothing is to be told any more. */
  #silent = false

  /** @param patience milliseconds for a stream to begin */
  constructor(request: MakeRequest, params: Params, patience: number, events: ConnectionEvents) {
    this.#request = request
    this.#events = events
    this.#patience = Math.min(patience, MAX_PATIENCE)
    this.#run(params).catch((error) => this.#end(error))
  }

  send(frames: readonly EncodedFrame[]): void {
    if (!this.#silent) this.#uplink?.send(frames).catch((error) => this.#end(error))
  }

  close(): void {
    if (this.#silent) return
    this.#silent = true
    void this.#leave()
  }

  abort(): void {
    this.#silent = true
    this.#over.abort()
  }

  async #leave(): Promise<void> {
    await this.#uplink?.settled
    this.#over.abort()
    // Should it fail, the server finds out by itself.
    if (this.#session && !this.#finished) await this.#request(`/${this.#session}`, LEAVE).catch(() => {})
  }

  /** Receives for as long as the session lasts. */
  async #run(params: Params): Promise<void> {
    let polls = false
    let failingSince = 0
    while (!this.#finished && !this.#over.signal.aborted) {
      const session = this.#session
      const received = this.#received
      const query = session ? { session, received: `${received}` } : { ...params, resume: '1' }
      const start = Date.now()
      try {
        const begun = await this.#receive({ ...query, ...(polls && { mode: 'poll' }) }, !polls)
        // What holds a stream back lets answers through. An answer that takes as long shows that it is just slow.
        polls = !begun || (polls && (session !== '' || Date.now() - start < this.#patience))
        failingSince = 0
        if (begun && this.#received === received) await this.#pause()
      } catch (error) {
        failingSince ||= start
        if (!session || isFinal(error) || Date.now() - failingSince > MAX_FAILURE) throw error
        await this.#pause()
      }
    }
  }

  /**
   * Receives what one request brings, until it ends or breaks.
   *
   * @returns false when a stream did not begin in time
   */
  async #receive(query: Params, streams: boolean): Promise<boolean> {
    const limit = deadline(this.#over.signal, streams ? this.#patience : POLL_TIMEOUT)
    let begun = false
    try {
      const response = await this.#request(`?${new URLSearchParams(query)}`, { signal: limit.signal })
      if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
        throw this.#refused(refusalOf(await response.text()))
      }
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
      let text = ''
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        begun = true
        limit.lift()
        const { data, rest } = takeEvents(text + chunk.value)
        text = rest
        for (const frame of data) this.#take(frame)
      }
      if (!begun) throw new RookeryError('disconnected')
    } catch (error) {
      const isLate = limit.signal.aborted && !this.#over.signal.aborted
      if (!begun && !isLate) throw error
    } finally {
      limit.end()
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

  /** Frames have to leave room for their numbers. */
  #welcomed(welcome: WelcomeFrame): WelcomeFrame {
    const maxPayload = welcome.maxPayload || Number.POSITIVE_INFINITY
    this.#session = welcome.session
    this.#uplink = new Uplink((body) => this.#deliver(body), maxPayload)
    return { ...welcome, maxPayload: maxPayload - NUMBER_BYTES }
  }

  /** Posts a body until the server has it, for as long as the session lasts. */
  async #deliver(body: string): Promise<void> {
    for (;;) {
      const limit = deadline(this.#over.signal, POST_TIMEOUT)
      try {
        const headers = { 'content-type': 'application/json' }
        const options = { method: 'POST', headers, body, signal: limit.signal } as const
        const response = await this.#request(`/${this.#session}`, options)
        if (!response.ok) throw this.#refused(refusalOf(await response.text()))
        await response.text()
        return
      } catch (error) {
        if (isFinal(error) || this.#finished || this.#over.signal.aborted) throw error
        await this.#pause()
      } finally {
        limit.end()
      }
    }
  }

  #pause(): Promise<void> {
    return pause(this.#over.signal, Math.random() * MAX_PAUSE)
  }

  /** Takes the answer to a request that the server refuses, and with it perhaps this client. */
  #refused(refusal: Refusal): unknown {
    const frame = closeFrameOf(refusal)
    if (frame) {
      this.#finished = true
      if (!this.#silent) this.#events.message(frame)
    }
    return errorOf(refusal)
  }

  #end(cause: unknown): void {
    this.#over.abort()
    if (this.#silent) return
    this.#silent = true
    this.#events.close(
      new RookeryError(this.#session ? 'disconnected' : 'connection_failed', undefined, { cause }),
    )
  }
}

const errorOf = ({ error }: Refusal): unknown => error && RookeryError.from(error)

/** Whether the server has said so, and would say so again. */
const isFinal = (error: unknown): boolean => error instanceof RookeryError && !error.retryable
