import { io, type Socket } from 'socket.io-client'
import { RookeryError, type WireError } from '../../core/protocol/errors.ts'
import type {
  CloseFrame,
  MessageFrame,
  ReplyFrame,
  SendFrame,
  ServerFrame,
  WelcomeFrame,
} from '../../core/protocol/protocol.ts'
import { askForRefusal, closeFrameOf, refusalOf } from '../transports/refusal.ts'
import type {
  ClientConnection,
  ClientTransport,
  ConnectionEvents,
  ConnectRequest,
  EncodedFrame,
} from '../transports/transport.ts'
import { readPath } from '../util/invalid-option.ts'

type Auth = Readonly<Record<string, unknown>>
type Refusal = Partial<WireError> & Partial<Pick<CloseFrame, 'reconnectAfter'>>

/** Why Socket.IO does not connect, or closes. */
interface Failure {
  /** What the server said to the handshake of Socket.IO. */
  readonly data?: Refusal
  /** Of Engine.IO's transport: a status, or the event of a WebSocket. */
  readonly description?: number | object
  /** Of Engine.IO's transport: the request that failed. */
  readonly context?: { readonly responseText?: string }
}

export interface SocketIoOptions {
  /** Path of the server's Socket.IO endpoint. @default '/socket.io' */
  readonly path?: string | undefined
  /** Sent with the handshake, beside the client's token or in its place. A function is called for each attempt. */
  readonly auth?: Auth | (() => Auth | Promise<Auth>) | undefined
  /** Ways of Socket.IO's own, in order. @default `['polling', 'websocket']`: polling, which becomes a WebSocket */
  readonly transports?: readonly ('polling' | 'websocket')[] | undefined
}

/**
 * Socket.IO, by its own client: the package `socket.io-client` has to be installed.
 *
 * @throws `invalid_option`
 * @example createClient({ transports: [websocket(), socketio()] })
 */
export const socketio = (options: SocketIoOptions = {}): ClientTransport => {
  const path = readPath(options.path ?? '/socket.io')
  return {
    name: 'socketio',
    connect: (request, events) => new SocketIoConnection(request, { ...options, path }, events),
  }
}

/** Topics that Socket.IO, or Rookery's server of it, takes for something else. */
const RESERVED = new Set([
  ...['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'],
  ...['subscribe', 'unsubscribe', 'auth'],
])

/** Events that are a frame, and no message. */
const CONTROL = new Set(['$close', '$auth', '$unsubscribed'])

class SocketIoConnection implements ClientConnection {
  readonly #socket: Socket
  readonly #events: ConnectionEvents
  readonly #asking = new AbortController()
  #ended = false

  constructor(request: ConnectRequest, options: SocketIoOptions, events: ConnectionEvents) {
    const { path = '/socket.io', transports = ['polling', 'websocket'] } = options
    this.#events = events
    this.#socket = io(request.url.origin, {
      path,
      transports: [...transports],
      query: request.params,
      auth: callback(options, request, (error) => this.#end(error)),
      timeout: request.timeout,
      withCredentials: true,
      reconnection: false,
      forceNew: true,
    })
    // With the slash that Engine.IO adds: proxies may know the path in this form alone.
    this.#listen(new URL(path.replace(/\/?$/, '/'), request.url))
  }

  send(frames: readonly EncodedFrame[]): void {
    for (const { text } of frames) this.#emit(JSON.parse(text) as EncodedFrame['frame'])
  }

  close(): void {
    this.#ended = true
    this.#asking.abort()
    this.#socket.disconnect()
  }

  abort(): void {
    this.close()
  }

  #listen(endpoint: URL): void {
    let welcomed = false
    this.#socket.onAny((event: string, payload: unknown, more?: Partial<Omit<MessageFrame, 'type'>>) => {
      if (event === '$welcome') {
        welcomed = true
        // Whether the server is still there is Engine.IO's affair.
        this.#tell({ ...(payload as WelcomeFrame), pingInterval: 0 })
      } else if (CONTROL.has(event)) this.#tell(payload as ServerFrame)
      else if (event === '$error') this.#tell({ type: 'error', error: payload as WireError })
      else this.#tell({ topic: event, payload, ...more })
    })
    this.#socket.on('connect_error', async (cause: Error & Failure) => {
      const { reconnectAfter = null, ...error } = cause.data ?? {}
      // What the server refuses with words is refused for good, unless it says when to come back.
      if (error.code) this.#tell({ type: 'close', error: error as WireError, reconnectAfter })
      this.#tell(
        refusalIn(cause) ?? (isSilent(cause) ? await askForRefusal(endpoint, this.#asking) : undefined),
      )
      this.#end(new RookeryError('connection_failed', undefined, { cause }))
    })
    // Comes before `connect_error`, which says more.
    this.#socket.io.on('close', (reason, description) => {
      this.#tell(refusalIn(description as Failure | undefined))
      queueMicrotask(() => {
        const code = welcomed ? 'disconnected' : 'connection_failed'
        this.#end(new RookeryError(code, undefined, { cause: reason }))
      })
    })
  }

  #emit(frame: EncodedFrame['frame']): void {
    if (frame.type === 'pong') return
    const { id } = frame
    const reply = id === undefined ? [] : [(answer: unknown) => this.#tell(replyOf(id, answer))]
    if (frame.type === undefined) this.#message(frame, reply)
    else this.#socket.emit(frame.type, frame.type === 'auth' ? frame.token : frame.topics, ...reply)
  }

  #message(frame: SendFrame, reply: readonly ((answer: unknown) => void)[]): void {
    const { topic, id } = frame
    if (!RESERVED.has(topic)) {
      this.#socket.emit(topic, ...('payload' in frame ? [frame.payload] : []), ...reply)
      return
    }
    const error = new RookeryError('invalid_topic', `Socket.IO keeps '${topic}' for itself`).toJSON()
    queueMicrotask(() =>
      this.#tell(id === undefined ? { type: 'error', error } : { type: 'reply', id, error }),
    )
  }

  #tell(frame: ServerFrame | undefined): void {
    if (frame && !this.#ended) this.#events.message(frame)
  }

  #end(error: RookeryError): void {
    if (this.#ended) return
    this.close()
    this.#events.close(error)
  }
}

/** What the server answered to a request of polling that failed. */
const refusalIn = (failure: Failure | undefined): CloseFrame | undefined =>
  closeFrameOf(refusalOf(failure?.context?.responseText))

/** Whether a WebSocket failed in a browser, which does not say why; `ws` has a message. */
const isSilent = ({ description }: Failure): boolean =>
  typeof description === 'object' && !('message' in description)

/** Socket.IO wants a callback, and has no way to fail there. */
const callback =
  (
    { auth = {} }: SocketIoOptions,
    { token }: Pick<ConnectRequest, 'token'>,
    failed: (error: RookeryError) => void,
  ) =>
  (done: (auth: Auth) => void) => {
    const own = async () => (typeof auth === 'function' ? await auth() : auth)
    own().then(
      (given) => done({ ...(token() && { token: token() }), ...given }),
      (cause) => failed(new RookeryError('connection_failed', undefined, { cause })),
    )
  }

/** An acknowledgement with nothing but an error that has a code is a refusal. */
const replyOf = (id: number, answer: unknown): ReplyFrame => {
  const { error, ...others } = (answer ?? {}) as { error?: WireError }
  const isRefusal = typeof error?.code === 'string' && Object.keys(others).length === 0
  return isRefusal ? { type: 'reply', id, error } : { type: 'reply', id, payload: answer }
}
