import { RookeryError } from '../../core/protocol/errors.ts'
import { PROTOCOL_VERSION, type ServerFrame, type WelcomeFrame } from '../../core/protocol/protocol.ts'
import type { Settings } from '../options.ts'
import { encodeFrame, isServerFrame } from '../transports/frames.ts'
import type {
  ClientConnection,
  ClientTransport,
  ConnectRequest,
  EncodedFrame,
} from '../transports/transport.ts'
import { MAX_TIMEOUT_MS } from '../util/option-values.ts'
import { Pacer } from './pacer.ts'
import { retryInOf } from './retry-in.ts'

/** How long the server may be silent beyond its ping interval, in milliseconds. */
const PING_GRACE_MS = 10_000

/** Frames of a session. A `Connection` handles the frames about the connection itself, and answers a `ping`. */
export type SessionFrame = Exclude<ServerFrame, { type: 'welcome' | 'close' | 'auth' }>

/** What a connection tells its owner. */
export interface ConnectionHost {
  /** The server has sent `welcome`. */
  open(welcome: WelcomeFrame): void
  frame(frame: SessionFrame): void
  /** The server asks for a new token. */
  renew(): void
  /** The server has sent something invalid. The connection stays open. */
  invalid(error: RookeryError): void
  /** The attempt has failed or the connection has ended. Called once, as the last event; never after `close()`. */
  end(end: ConnectionEnd): void
}

export interface ConnectionEnd {
  readonly error: RookeryError
  /** Milliseconds until the next attempt. null: make no further attempt; undefined: the server named no time. */
  readonly retryIn: number | null | undefined
}

/**
 * One attempt to connect and, if it succeeds, the connection until its end. It asks the application for `params` and
 * `token`, wraps the transport's `ClientConnection`, and watches for the server's silence.
 */
export class Connection {
  readonly transport: ClientTransport
  /** The token that the server has accepted, or receives with the handshake. */
  token: string | undefined
  /** Whether a new token is on its way to the server. Set by the connection manager. */
  renewing = false
  /** Whether the transport has been called. A failure before that is not the transport's. */
  started = false
  /** Whether the connection has ended. Only this class sets it. */
  ended = false
  readonly #host: ConnectionHost
  readonly #debug: (direction: '>' | '<', frame: object) => void
  #pacer = new Pacer({}, 0)
  #transportConnection: ClientConnection | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #welcomed = false
  /** How long a live server may be silent, in milliseconds; 0 if the server announces no pings. */
  #maxSilence = 0
  // Wall-clock time: a monotonic clock may stop while the computer sleeps, and would not count that time as silence.
  #lastFrameAt = Date.now()

  /**
   * @param limit milliseconds from the call of the transport to `welcome`
   * @param proof parameters that name the client's earlier session
   */
  constructor(
    transport: ClientTransport,
    settings: Settings,
    limit: number,
    proof: Readonly<Record<string, string>>,
    host: ConnectionHost,
  ) {
    const { url, params, token, connectTimeout, debug } = settings
    this.transport = transport
    this.#host = host
    this.#debug = (direction, frame) => debug(direction, transport.name, frame)
    const failed = (cause: unknown) => this.#end(new RookeryError('connection_failed', undefined, { cause }))
    this.#setTimer(connectTimeout, () => failed(new Error(`No params or token within ${connectTimeout} ms`)))
    Promise.all([params(), token()])
      .then(([params, token]) => {
        if (this.ended) return
        this.token = token
        this.started = true
        this.#setTimer(limit, () => this.#abort('handshake_timeout'))
        this.#connect({
          url: url as URL,
          params: { ...params, ...proof },
          token: () => this.token,
          timeout: limit,
        })
      })
      .catch(failed)
  }

  get buffered(): number {
    return this.#transportConnection?.buffered ?? 0
  }

  /** Sends frames of the client itself, which do not wait for the server's rate. */
  send(frames: readonly EncodedFrame[]): void {
    for (const frame of frames) this.reserve(frame, true)
    this.write(frames)
  }

  /**
   * Makes room for a frame within the server's rates.
   *
   * @param now whether the frame must not wait
   * @returns milliseconds until the frame may leave. 0: now, with the next call of `write()`
   */
  reserve({ bytes }: EncodedFrame, now: boolean): number {
    const time = performance.now()
    const wait = now ? 0 : this.#pacer.wait(bytes, time)
    if (wait === 0) this.#pacer.take(bytes, time)
    return wait
  }

  /** Sends frames that have room. */
  write(frames: readonly EncodedFrame[]): void {
    if (this.ended) return
    for (const { frame } of frames) this.#debug('>', frame)
    this.#call((connection) => connection.send(frames))
  }

  /** Closes without an event. The transport first sends the frames that it has accepted. */
  close(): void {
    this.ended = true
    clearTimeout(this.#timer)
    this.#call((connection) => connection.close())
  }

  /** Ends the connection if the server has been silent for too long; otherwise checks again when it would be. */
  check(): void {
    if (!this.#maxSilence || this.ended) return
    const left = this.#silenceLeft
    if (left > 0) this.#setTimer(left, () => this.check())
    else this.#abort('ping_timeout', 0)
  }

  /**
   * Whether the connection has not ended. After a sleep of the computer, timers are late: so this compares the time of the
   * last frame with the clock, and ends a connection whose server has been silent for too long.
   */
  isAlive(): boolean {
    if (this.#maxSilence && this.#silenceLeft <= 0) this.check()
    return !this.ended
  }

  /** How long the server may stay silent from now on, in milliseconds. */
  get #silenceLeft(): number {
    return this.#maxSilence - Math.max(0, Date.now() - this.#lastFrameAt)
  }

  /** Calls the transport, whose code may be the application's, or a polyfill. */
  #call(act: (connection: ClientConnection) => void): void {
    const connection = this.#transportConnection
    if (!connection) return
    try {
      act(connection)
    } catch (cause) {
      this.#end(new RookeryError('disconnected', undefined, { cause }))
    }
  }

  #connect(request: ConnectRequest): void {
    this.#transportConnection = this.transport.connect(request, {
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
    this.#lastFrameAt = Date.now()
    this.#debug('<', frame)
    if (!isServerFrame(frame)) {
      this.#invalid(new RookeryError('bad_frame'))
      return
    }
    switch (frame.type) {
      case 'welcome':
        this.#welcome(frame)
        break
      case 'ping':
        this.send([encodeFrame({ type: 'pong' })])
        this.#host.frame(frame)
        break
      case 'close':
        this.#end(RookeryError.from(frame.error), retryInOf(frame))
        break
      case 'auth':
        if (this.#welcomed) this.#host.renew()
        break
      case undefined:
      case 'reply':
      case 'replayed':
      case 'error':
      case 'unsubscribed':
        this.#host.frame(frame)
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
    this.#pacer = new Pacer(welcome, performance.now())
    const { pingInterval } = welcome
    if (pingInterval > 0) this.#maxSilence = Math.min(pingInterval + PING_GRACE_MS, MAX_TIMEOUT_MS)
    this.check()
    this.#host.open(welcome)
  }

  #invalid(error: RookeryError): void {
    this.#lastFrameAt = Date.now()
    this.#host.invalid(error)
  }

  #abort(code: 'handshake_timeout' | 'ping_timeout', retryIn?: number): void {
    this.#call((connection) => connection.abort())
    this.#end(new RookeryError(code), retryIn)
  }

  #end(error: RookeryError, retryIn?: number | null): void {
    if (this.ended) return
    this.close()
    this.#host.end({ error, retryIn })
  }

  #setTimer(milliseconds: number, onTimeout: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(onTimeout, milliseconds)
  }
}
