import { RookeryError } from '../../core/protocol/errors.ts'
import {
  type CloseFrame,
  type ErrorFrame,
  type MessageFrame,
  PROTOCOL_VERSION,
  type ReplyFrame,
  type ServerFrame,
  type UnsubscribedFrame,
  type WelcomeFrame,
} from '../../core/protocol/protocol.ts'
import { MAX_TIMEOUT, type Settings } from '../options.ts'
import { encode, isServerFrame } from '../transports/frames.ts'
import type {
  ClientConnection,
  ClientTransport,
  ConnectRequest,
  EncodedFrame,
} from '../transports/transport.ts'

/** How much longer than the server's ping interval silence may last, in milliseconds. */
const GRACE = 10_000

/** What a server says in a session, other than of the connection. */
export type SessionFrame = MessageFrame | ReplyFrame | ErrorFrame | UnsubscribedFrame

export interface LinkEvents {
  open(welcome: WelcomeFrame): void
  frame(frame: SessionFrame): void
  /** The server asks for a new token. */
  renew(): void
  invalid(error: RookeryError): void
  /** Once, and last; not after `close()`. */
  end(end: LinkEnd): void
}

export interface LinkEnd {
  readonly error: RookeryError
  /** Milliseconds to wait before the next attempt; null: make none; undefined: the server left it open. */
  readonly retryIn: number | null | undefined
}

/** One attempt and, if it succeeds, one connection: from the handshake to the end. */
export class Link {
  readonly transport: ClientTransport
  /** What the server has accepted, or is to accept with the handshake. */
  token: string | undefined
  /** Whether the server is being given another one. */
  renewing = false
  /** Whether the transport was called upon: what failed before is not its fault. */
  begun = false
  /** Whether it is over. Set by the link alone. */
  ended = false
  readonly #events: LinkEvents
  #connection: ClientConnection | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #welcomed = false
  /** Longest silence that a living server keeps; 0 where the server promises no pings. */
  #patience = 0
  // The wall clock: other clocks stand still while a computer sleeps, and would miss that silence.
  #heardAt = Date.now()

  /** @param limit milliseconds from the application's answers to the welcome */
  constructor(transport: ClientTransport, settings: Settings, limit: number, events: LinkEvents) {
    const { url, params, token, connectTimeout } = settings
    this.transport = transport
    this.#events = events
    const failed = (cause: unknown) => this.#end(new RookeryError('connection_failed', undefined, { cause }))
    this.#limit(connectTimeout, () => failed(new Error(`No params or token within ${connectTimeout} ms`)))
    Promise.all([params(), token()])
      .then(([params, token]) => {
        if (this.ended) return
        this.token = token
        this.begun = true
        this.#limit(limit, () => this.#abort('handshake_timeout'))
        this.#connect({ url, params, token: () => this.token, timeout: limit })
      })
      .catch(failed)
  }

  send(frames: readonly EncodedFrame[]): void {
    this.#connection?.send(frames)
  }

  /** Ends the link politely and without an event. */
  close(): void {
    this.ended = true
    clearTimeout(this.#timer)
    this.#connection?.close()
  }

  /** Ends the link if it has been silent for longer than a living server would be. */
  check(): void {
    if (!this.#patience || this.ended) return
    const left = this.#patience - Math.max(0, Date.now() - this.#heardAt)
    if (left > 0) this.#limit(left, () => this.check())
    else this.#abort('ping_timeout', 0)
  }

  #connect(request: ConnectRequest): void {
    this.#connection = this.transport.connect(request, {
      message: (frame) => {
        if (!this.ended) this.#receive(frame)
      },
      invalid: (error) => {
        if (!this.ended) this.#invalid(error)
      },
      close: (error) => this.#end(error),
    })
  }

  #receive(frame: ServerFrame): void {
    this.#heardAt = Date.now()
    if (!isServerFrame(frame)) {
      this.#invalid(new RookeryError('bad_frame'))
      return
    }
    switch (frame.type) {
      case 'welcome':
        this.#welcome(frame)
        break
      case 'ping':
        this.send([encode({ type: 'pong' })])
        break
      case 'close':
        this.#end(RookeryError.from(frame.error), wait(frame))
        break
      case 'auth':
        if (this.#welcomed) this.#events.renew()
        break
      case undefined:
      case 'reply':
      case 'error':
      case 'unsubscribed':
        this.#events.frame(frame)
    }
  }

  #welcome(welcome: WelcomeFrame): void {
    if (this.#welcomed) return
    if (welcome.protocol !== PROTOCOL_VERSION) {
      this.#end(new RookeryError('protocol_mismatch'), null)
      return
    }
    this.#welcomed = true
    clearTimeout(this.#timer)
    if (welcome.pingInterval > 0) this.#patience = Math.min(welcome.pingInterval + GRACE, MAX_TIMEOUT)
    this.check()
    this.#events.open(welcome)
  }

  #invalid(error: RookeryError): void {
    this.#heardAt = Date.now()
    this.#events.invalid(error)
  }

  #abort(code: 'handshake_timeout' | 'ping_timeout', retryIn?: number): void {
    this.#connection?.abort()
    this.#end(new RookeryError(code), retryIn)
  }

  #end(error: RookeryError, retryIn?: number | null): void {
    if (this.ended) return
    this.close()
    this.#events.end({ error, retryIn })
  }

  #limit(milliseconds: number, late: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(late, milliseconds)
  }
}

const wait = ({ reconnectAfter }: CloseFrame): number | null | undefined => {
  if (reconnectAfter === null) return null
  return reconnectAfter >= 0 && reconnectAfter <= MAX_TIMEOUT ? reconnectAfter : undefined
}
