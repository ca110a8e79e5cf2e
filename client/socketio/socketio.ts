import { io, type Socket } from 'socket.io-client'
import { RookeryError, type WireError } from '../../core/protocol/errors.ts'
import type {
  CloseFrame,
  MessageFrame,
  ReplayedFrame,
  ReplyFrame,
  SendFrame,
  ServerFrame,
  SubscribeFrame,
  SubscribeReply,
  UnsubscribeFrame,
  WelcomeFrame,
} from '../../core/protocol/protocol.ts'
import { closeFrameOf, fetchRefusal, parseRefusal } from '../transports/refusal.ts'
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

/** What Socket.IO says about a failed attempt or a closed connection. */
interface Failure {
  /** The server's answer to the Socket.IO handshake. */
  readonly data?: Refusal
  /** From Engine.IO's transport: an HTTP status, or the event of a WebSocket. */
  readonly description?: number | object
  /** From Engine.IO's transport: the failed request. */
  readonly context?: { readonly responseText?: string }
}

export interface SocketIoOptions {
  /** Path of the server's Socket.IO endpoint. @default '/socket.io' */
  readonly path?: string | undefined
  /**
   * Sent with the handshake, in addition to the client's `token`. A `token` in it replaces the client's one. A function is
   * called for each attempt.
   *
   * @default {}
   */
  readonly auth?: Auth | (() => Auth | Promise<Auth>) | undefined
  /** Socket.IO's own transports, in order. @default `['polling', 'websocket']`: polls first, then upgrades to WebSocket */
  readonly transports?: readonly ('polling' | 'websocket')[] | undefined
}

/**
 * Creates the Socket.IO transport. It needs the package `socket.io-client`.
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

/** Event names with a meaning of their own for Socket.IO or Rookery's Socket.IO server. They cannot be topics. */
const RESERVED_EVENTS =
  /^((dis)?connect|connect_error|disconnecting|(new|remove)Listener|(un)?subscribe|auth)$/

/** Events whose payload is a whole frame, not the payload of a message. */
const CONTROL_EVENTS = /^\$(close|auth|unsubscribed)$/

class SocketIoConnection implements ClientConnection {
  readonly #socket: Socket
  readonly #events: ConnectionEvents
  readonly #refusalRequest = new AbortController()
  /** Id of the last `subscribe` frame with `since` that was accepted. The next end of a replay belongs to it. */
  #replaying: number | undefined
  #ended = false

  constructor(
    request: ConnectRequest,
    options: SocketIoOptions & { readonly path: string },
    events: ConnectionEvents,
  ) {
    const { path, transports = ['polling', 'websocket'] } = options
    this.#events = events
    this.#socket = io(request.url.origin, {
      path,
      transports: [...transports],
      query: request.params,
      auth: authCallback(options, request, (error) => this.#end(error)),
      timeout: request.timeout,
      withCredentials: true,
      reconnection: false,
      forceNew: true,
    })
    // With the slash that Engine.IO appends: a proxy may know the path in this form only.
    this.#listen(new URL(path.replace(/\/?$/, '/'), request.url))
  }

  send(frames: readonly EncodedFrame[]): void {
    for (const { text } of frames) this.#sendFrame(JSON.parse(text) as EncodedFrame['frame'])
  }

  close(): void {
    this.#ended = true
    this.#refusalRequest.abort()
    this.#socket.disconnect()
  }

  abort(): void {
    this.close()
  }

  #listen(endpoint: URL): void {
    let welcomed = false
    let pingInterval = 0
    const manager = this.#socket.io
    manager.engine.on('handshake', (handshake) => ({ pingInterval } = handshake))
    manager.on('ping', () => this.#deliver({ type: 'ping' }))
    this.#socket.onAny((event: string, payload: unknown, more?: Partial<Omit<MessageFrame, 'type'>>) => {
      if (event === '$welcome') {
        welcomed = true
        // The pings are those of Engine.IO.
        this.#deliver({ ...(payload as WelcomeFrame), pingInterval })
      } else if (event === '$replayed') this.#replayed(payload as ReplayedFrame)
      else if (event === '$cursor') this.#deliver({ type: 'ping', cursor: payload as string })
      else if (CONTROL_EVENTS.test(event)) this.#deliver(payload as ServerFrame)
      else if (event === '$error') this.#deliver({ type: 'error', error: payload as WireError })
      else this.#deliver({ topic: event, payload, ...more })
    })
    this.#socket.on('connect_error', async (cause: Error & Failure) => {
      const { reconnectAfter = null, ...error } = cause.data ?? {}
      // An error with a code is a refusal for good, unless the server names a time to reconnect.
      if (error.code) this.#deliver({ type: 'close', error: error as WireError, reconnectAfter })
      this.#deliver(
        refusalIn(cause) ??
          (isSilent(cause) ? await fetchRefusal(endpoint, this.#refusalRequest) : undefined),
      )
      this.#end(new RookeryError('connection_failed', undefined, { cause }))
    })
    // Comes before `connect_error`, which has more detail: hence the microtask.
    manager.on('close', (reason, description) => {
      this.#deliver(refusalIn(description as Failure | undefined))
      queueMicrotask(() => {
        const code = welcomed ? 'disconnected' : 'connection_failed'
        this.#end(new RookeryError(code, undefined, { cause: reason }))
      })
    })
  }

  #sendFrame(frame: EncodedFrame['frame']): void {
    if (frame.type === 'pong') return
    const { id } = frame
    const reply = id === undefined ? [] : [(answer: unknown) => this.#reply(frame, replyOf(id, answer))]
    if (frame.type === undefined) this.#sendMessage(frame, reply)
    else this.#socket.emit(frame.type, frame.type === 'auth' ? frame.token : selectionOf(frame), ...reply)
  }

  #reply(frame: EncodedFrame['frame'], reply: ReplyFrame): void {
    if (frame.type === 'subscribe' && frame.since !== undefined && isAccepted(reply))
      this.#replaying = reply.id
    this.#deliver(reply)
  }

  /** A replay follows the reply to its `subscribe` frame, and ends before the next reply to such a frame. */
  #replayed(frame: ReplayedFrame): void {
    const id = this.#replaying
    this.#replaying = undefined
    this.#deliver(id === undefined ? frame : { ...frame, id })
  }

  #sendMessage(frame: SendFrame, reply: readonly ((answer: unknown) => void)[]): void {
    const { topic, id } = frame
    if (!RESERVED_EVENTS.test(topic)) {
      this.#socket.emit(topic, ...('payload' in frame ? [frame.payload] : []), ...reply)
      return
    }
    const error: WireError = { code: 'invalid_topic', message: `Socket.IO reserves '${topic}'` }
    queueMicrotask(() =>
      this.#deliver(id === undefined ? { type: 'error', error } : { type: 'reply', id, error }),
    )
  }

  #deliver(frame: ServerFrame | undefined): void {
    if (frame && !this.#ended) this.#events.message(frame)
  }

  #end(error: RookeryError): void {
    if (this.#ended) return
    this.close()
    this.#events.close(error)
  }
}

/** Returns the server's refusal in the response to a failed polling request. */
const refusalIn = (failure: Failure | undefined): CloseFrame | undefined =>
  closeFrameOf(parseRefusal(failure?.context?.responseText))

/** Whether a WebSocket failed in a browser, which gives no reason. The error event of `ws` has a message. */
const isSilent = ({ description }: Failure): boolean =>
  typeof description === 'object' && !('message' in description)

/** Returns the `auth` callback for Socket.IO. The callback cannot report an error, so `failed` does. */
const authCallback =
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

/** What the event of a frame carries: its patterns, and where the replay begins if there is one. */
const selectionOf = (frame: SubscribeFrame | UnsubscribeFrame): unknown =>
  frame.type === 'subscribe' && frame.since !== undefined
    ? { topics: frame.topics, since: frame.since }
    : frame.topics

/** Whether a reply to `subscribe` accepts a pattern. */
const isAccepted = ({ payload }: ReplyFrame): boolean =>
  (payload as SubscribeReply | undefined)?.topics?.[0] !== undefined

/** Converts an acknowledgement into a reply. An object with only an `error` that has a `code` is an error reply. */
const replyOf = (id: number, answer: unknown): ReplyFrame => {
  const { error, ...others } = (answer ?? {}) as { error?: WireError }
  const isRefusal = typeof error?.code === 'string' && Object.keys(others).length === 0
  return isRefusal ? { type: 'reply', id, error } : { type: 'reply', id, payload: answer }
}
