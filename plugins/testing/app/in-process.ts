import { readFrame } from '../../../client/transports/frames.ts'
import type {
  ClientConnection,
  ClientTransport,
  ConnectionEvents,
  ConnectRequest,
  EncodedFrame,
} from '../../../client/transports/transport.ts'
import { RookeryError } from '../../../core/protocol/errors.ts'
import type { Frame } from '../../../core/protocol/frame.ts'
import type { User } from '../../../core/protocol/protocol.ts'
import type { PeerSession } from '../../../core/sessions/session.ts'
import type { Handshake, TransportHost, Wire } from '../../../core/sessions/transport.ts'
import { excerpt } from '../violation.ts'

/** Name of the transport, which `session.transport` and `client.transport` show. */
const NAME = 'in-process'
const ADDRESS = '127.0.0.1'
/** Number of messages that a failure of a test lists. */
const MAX_LISTED = 10

/** Connects a client to an app in the same process. Frames pass as JSON text in both directions, as on a network. */
export class InProcessTransport implements ClientTransport {
  readonly name = NAME
  readonly #host: TransportHost
  readonly #user: User | undefined
  readonly #latest: string[] = []
  #connection: InProcessConnection | undefined

  /** @param user of all connections; without it, the app identifies them */
  constructor(host: TransportHost, user: User | undefined) {
    this.#host = host
    this.#user = user
  }

  connect({ params, token }: ConnectRequest, events: ConnectionEvents): ClientConnection {
    const presented = token()
    const handshake: Handshake = {
      transport: NAME,
      address: ADDRESS,
      headers: {},
      query: new URLSearchParams(params),
      ...(presented !== undefined && { token: presented }),
      // A copy: plugins recognize a session by the object of its user.
      ...(this.#user && { user: { ...this.#user } }),
    }
    this.#connection = new InProcessConnection(this.#host, handshake, {
      ...events,
      message: (frame) => {
        if (frame.type === undefined) this.#list(`${frame.topic} ${excerpt(frame.payload)}`)
        events.message(frame)
      },
    })
    return this.#connection
  }

  /** Ends the connection without a close frame. */
  drop(): void {
    this.#connection?.end(new RookeryError('disconnected'))
  }

  /** The latest messages, for the failure of a test. */
  get received(): string {
    return this.#latest.length === 0 ? 'no message' : this.#latest.join('; ')
  }

  #list(message: string): void {
    if (this.#latest.push(message) > MAX_LISTED) this.#latest.shift()
  }
}

/**
 * One connection. Frames arrive in microtasks, so that neither side runs inside a call of the other one, and their order
 * is kept. Fake timers of test runners leave microtasks alone.
 */
class InProcessConnection implements ClientConnection {
  readonly #maxPayload: number
  readonly #events: ConnectionEvents
  #session: PeerSession | undefined
  #ended = false

  constructor(host: TransportHost, handshake: Handshake, events: ConnectionEvents) {
    this.#maxPayload = host.limits.maxPayload
    this.#events = events
    const wire: Wire = {
      buffered: 0,
      write: (frames) => this.#write(frames),
      close: (error = new RookeryError('disconnected')) => queueMicrotask(() => this.end(error)),
      terminate: () => this.end(new RookeryError('disconnected')),
    }
    host
      .begin(ADDRESS, () => host.open(handshake, wire))
      .then(
        (session) => {
          this.#session = session
          if (this.#ended) session.disconnected()
        },
        (error) => this.end(error),
      )
  }

  send(frames: readonly EncodedFrame[]): void {
    queueMicrotask(() => {
      for (const { text, bytes } of frames) {
        if (bytes > this.#maxPayload) this.#session?.close(new RookeryError('payload_too_large'))
        else this.#session?.receive(text, bytes)
      }
    })
  }

  close(): void {
    this.#ended = true
    // After the frames that the client has sent.
    queueMicrotask(() => this.#session?.disconnected())
  }

  abort(): void {
    this.close()
  }

  /** Ends the connection for both sides. */
  end(error: RookeryError): void {
    if (this.#ended) return
    this.close()
    this.#events.close(error)
  }

  #write(frames: readonly Frame[]): void {
    const texts = frames.map(({ text }) => text)
    queueMicrotask(() => {
      for (const text of texts) {
        const frame = this.#ended ? undefined : readFrame(text, this.#events)
        if (frame) this.#events.message(frame)
      }
    })
  }
}
