import { createServer, type IncomingMessage } from 'node:http'
import { type Duplex, Readable } from 'node:stream'
import { Server, type Socket } from 'socket.io'
import type { FairQueue } from '../../core/admission/fair-queue.ts'
import { canReadInPieces, StreamReader } from '../../core/admission/stream-reader.ts'
import { closeFrame } from '../../core/protocol/control-frames.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { CloseFrame } from '../../core/protocol/protocol.ts'
import type { PeerSession } from '../../core/sessions/session.ts'
import type { Transport, TransportHost } from '../../core/sessions/transport.ts'
import type { HttpServer } from '../http/tokens.ts'
import { frameOf, handshakeOf } from './handshake.ts'
import { type Ack, SocketWire } from './wire.ts'

export interface SocketIoSettings {
  readonly path: string
  readonly closeTimeout: number
  readonly server: Server | undefined
}

/** The Engine.IO connection of a client's sockets. */
type Connection = Socket['conn']

/** A socket whose session is open. */
interface Opened {
  readonly session: PeerSession
  readonly wire: SocketWire
}

/** Opens a session for each socket in the main namespace of a Socket.IO server, one for a connection. */
export class SocketIoTransport implements Transport {
  readonly name = 'socketio'
  readonly #http: () => HttpServer
  readonly #settings: SocketIoSettings
  readonly #wires = new Map<Connection, SocketWire>()
  readonly #opened = new WeakMap<Socket, Opened>()
  /** Address of each request's client. */
  readonly #addresses = new WeakMap<IncomingMessage, string>()
  #server: Server | undefined
  #detach = (): void => {}
  #empty: (() => void) | undefined

  constructor(http: () => HttpServer, settings: SocketIoSettings) {
    this.#http = http
    this.#settings = settings
  }

  async start(host: TransportHost): Promise<void> {
    const { server = this.#createServer(host) } = this.#settings
    const text = encodesText(server)
    let active = true
    const attach = (socket: Socket) => this.#attach(socket)
    this.#server = server
    server.use((socket, next) => {
      if (active) this.#open(socket, next, text, host)
      else next()
    })
    server.on('connection', attach)
    this.#detach = () => {
      active = false
      server.off('connection', attach)
    }
  }

  async stop(): Promise<void> {
    const timer = setTimeout(() => {
      for (const wire of this.#wires.values()) wire.terminate()
    }, this.#settings.closeTimeout)
    for (const wire of this.#wires.values()) wire.close(new RookeryError('shutting_down'))
    if (this.#wires.size > 0) {
      await new Promise<void>((resolve) => {
        this.#empty = resolve
      })
    }
    clearTimeout(timer)
    this.#detach()
    if (!this.#settings.server) await this.#server?.close()
  }

  /** Opens a session before Socket.IO tells the client that it is connected. */
  #open(socket: Socket, next: (error?: Error) => void, text: boolean, host: TransportHost): void {
    const { conn } = socket
    if (conn.readyState !== 'open') {
      next(new Error('The connection has closed'))
      return
    }
    const other = this.#wires.get(conn)
    if (other) {
      // Socket.IO lets a client connect to a namespace any number of times, and creates a socket each time.
      other.terminate()
      return
    }
    const wire = new SocketWire(socket, text, this.#settings.closeTimeout, host.limits)
    this.#wires.set(conn, wire)
    let session: PeerSession | undefined
    conn.once('close', () => {
      session?.disconnected()
      this.#forget(conn)
    })
    const address = this.#addresses.get(socket.request) ?? socket.handshake.address
    host
      .begin(address, () => host.open(handshakeOf(socket, address), wire))
      .then(
        (opened) => {
          session = opened
          this.#opened.set(socket, { session, wire })
          if (!this.#wires.has(conn)) session.disconnected()
          next()
        },
        (error: RookeryError) => {
          // When `begin` has refused the handshake, nothing has closed the wire yet.
          wire.close(error)
          // A Socket.IO client that is told of an error stays away. One that may come back at once loses the connection.
          if (error.retryable && !TOLD.has(error.status)) conn.close()
          else next(refusal(error))
        },
      )
  }

  /** Passes the client's events to its session. */
  #attach(socket: Socket): void {
    const opened = this.#opened.get(socket)
    if (!opened) {
      // Socket.IO has recovered the socket without calling the middleware, and its session is gone.
      if (socket.recovered) socket.disconnect(true)
      return
    }
    const { session, wire } = opened
    socket.onAny((event: string, ...args: unknown[]) => {
      const ack = typeof args.at(-1) === 'function' ? (args.pop() as Ack) : undefined
      session.receive({ ...frameOf(event, args), ...(ack && { id: wire.expect(ack) }) }, wire.takeBytes())
    })
    socket.once('disconnect', () => {
      session.disconnected()
      // The client may leave the namespace and keep the connection, which serves no other purpose on our own server.
      if (this.#settings.server) this.#forget(socket.conn)
      else wire.close(new RookeryError('disconnected'))
    })
    wire.ready()
  }

  #forget(conn: Connection): void {
    if (this.#wires.delete(conn) && this.#wires.size === 0) this.#empty?.()
  }

  /** Creates a server to which the app's HTTP server passes the requests on its path. */
  #createServer({ limits, fairQueue }: TransportHost): Server {
    const http = this.#http()
    // Never listens: Socket.IO needs a server to attach to. It answers the requests that Socket.IO does not take.
    const inner = createServer((_request, response) => response.writeHead(404).end())
    const path = `${this.#settings.path}/`
    const server = new Server(inner, {
      path,
      serveClient: false,
      maxHttpBufferSize: limits.maxPayload,
      connectTimeout: limits.handshakeTimeout,
      // The app does not know of connections that have not asked for a socket yet.
      allowRequest: (_request, decide) => {
        const waiting = server.engine.clientsCount - this.#wires.size
        decide(
          waiting >= limits.maxHandshakes ? 'too_many_connections' : null,
          waiting < limits.maxHandshakes,
        )
      },
      pingInterval: limits.pingInterval,
      pingTimeout: limits.pingTimeout,
    })
    // Long polling may have closed the connection by the time that the address is needed.
    const locate = (request: IncomingMessage) => this.#addresses.set(request, http.addressOf(request))
    http.onRequest(this.#settings.path, (request, response) => {
      locate(request)
      inner.emit('request', request, response)
    })
    http.onUpgrade(path, (request, socket, head) => {
      locate(request)
      readInPieces(socket, fairQueue)
      inner.emit('upgrade', request, socket, head)
    })
    return server
  }
}

/** Reads a socket in the fair queue once `ws` listens for its data, or leaves it to `ws` where that is not possible. */
const readInPieces = (socket: Duplex, queue: FairQueue): void => {
  const listened = (event: string | symbol) => {
    if (event !== 'data') return
    socket.off('newListener', listened)
    // The event comes before the listener is added.
    process.nextTick(() => {
      if (canReadInPieces(socket, () => new Readable({ read() {} }))) new StreamReader(socket, queue).start()
    })
  }
  socket.on('newListener', listened)
}

/** HTTP status of errors after which a client should come back later than by itself, or with another token. */
const TOLD = new Set([401, 429])

/** The error that the client gets with `connect_error`. */
const refusal = (error: RookeryError): Error => {
  const { reconnectAfter } = closeFrame(error).message as CloseFrame
  const data = { ...error.toJSON(), ...(reconnectAfter !== null && { reconnectAfter }) }
  return Object.assign(new Error(error.message), { data })
}

/** Whether a server encodes packets in Socket.IO's own text format, and not with a custom parser. */
const encodesText = (server: Server): boolean => {
  const probe = { type: 2, nsp: '/', data: ['a', 1] }
  const { encoder } = server as unknown as { encoder: { encode(packet: object): unknown[] } }
  return encoder.encode(probe)[0] === '2["a",1]'
}
