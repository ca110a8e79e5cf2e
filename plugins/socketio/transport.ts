import { createServer, type IncomingMessage } from 'node:http'
import { type Duplex, Readable } from 'node:stream'
import { Server, type Socket } from 'socket.io'
import type { FairQueue } from '../../core/admission/fair-queue.ts'
import { canReadInPieces, StreamReader } from '../../core/admission/stream-reader.ts'
import { codedError } from '../../core/protocol/coded-error.ts'
import { reconnectAfter } from '../../core/protocol/control-frames.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { PeerSession } from '../../core/sessions/session.ts'
import type { Transport, TransportHost } from '../../core/sessions/transport.ts'
import type { HttpServer } from '../http/tokens.ts'
import { frameOf } from './events.ts'
import { handshakeOf } from './handshake.ts'
import { type Ack, SocketIoWire } from './wire.ts'

export interface SocketIoSettings {
  readonly path: string
  /** Milliseconds. */
  readonly closeTimeout: number
  /** A server of the application's own. */
  readonly server: Server | undefined
}

/** The Engine.IO connection that carries a client's sockets. */
type Connection = Socket['conn']

interface OpenSession {
  readonly session: PeerSession
  readonly wire: SocketIoWire
}

/** Opens a session for each socket in the main namespace of a Socket.IO server. A connection gets only one session. */
export class SocketIoTransport implements Transport {
  readonly name = 'socketio'
  readonly #http: () => HttpServer
  readonly #settings: SocketIoSettings
  readonly #wires = new Map<Connection, SocketIoWire>()
  readonly #sessions = new WeakMap<Socket, OpenSession>()
  /** Client address by request. */
  readonly #addresses = new WeakMap<IncomingMessage, string>()
  #server: Server | undefined
  #detach = (): void => {}
  /** Called when the last connection has closed, while the transport stops. */
  #onEmpty: (() => void) | undefined

  constructor(http: () => HttpServer, settings: SocketIoSettings) {
    this.#http = http
    this.#settings = settings
  }

  async start(host: TransportHost): Promise<void> {
    const { server = this.#createServer(host) } = this.#settings
    const textPackets = encodesText(server)
    let active = true
    const attach = (socket: Socket) => this.#attach(socket)
    this.#server = server
    server.use((socket, next) => {
      if (active) this.#open(socket, next, textPackets, host)
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
        this.#onEmpty = resolve
      })
    }
    clearTimeout(timer)
    this.#detach()
    if (!this.#settings.server) await this.#server?.close()
  }

  /** Opens a session before Socket.IO tells the client that it is connected. */
  #open(socket: Socket, next: (error?: Error) => void, textPackets: boolean, host: TransportHost): void {
    const { conn } = socket
    if (conn.readyState !== 'open') {
      next(new Error('The connection has closed'))
      return
    }
    const other = this.#wires.get(conn)
    if (other) {
      // A client may connect to a namespace any number of times, and Socket.IO creates a socket each time.
      other.terminate()
      return
    }
    const wire = new SocketIoWire(socket, textPackets, this.#settings.closeTimeout, host.limits)
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
          this.#sessions.set(socket, { session, wire })
          if (conn.readyState !== 'open') {
            // A client has left meanwhile. If it does not poll, Engine.IO waits 30 s before it closes the connection.
            session.disconnected()
            wire.terminate()
          }
          next()
        },
        (error: RookeryError) => {
          // If `begin` has refused the handshake, the wire is still open.
          wire.close(error)
          // A Socket.IO client that gets an error stays away. A client that loses its connection reconnects at once.
          if (reconnectAfter(error) !== null && !REPORTED_STATUSES.has(error.status)) conn.close()
          else next(connectError(error))
        },
      )
  }

  /** Passes the client's events to its session. */
  #attach(socket: Socket): void {
    const open = this.#sessions.get(socket)
    if (!open) {
      // Socket.IO has recovered the socket without calling the middleware. Its session has ended.
      if (socket.recovered) socket.disconnect(true)
      return
    }
    const { session, wire } = open
    socket.onAny((event: string, ...args: unknown[]) => {
      const ack = typeof args.at(-1) === 'function' ? (args.pop() as Ack) : undefined
      session.receive({ ...frameOf(event, args), ...(ack && { id: wire.addAck(ack) }) }, wire.takeBytes())
    })
    socket.once('disconnect', () => {
      session.disconnected()
      // The client may leave the namespace and keep the connection. On the plugin's own server, it has no other use.
      if (this.#settings.server) this.#forget(socket.conn)
      else wire.close(new RookeryError('disconnected'))
    })
    wire.release()
  }

  #forget(conn: Connection): void {
    if (this.#wires.delete(conn) && this.#wires.size === 0) this.#onEmpty?.()
  }

  /** Creates a Socket.IO server. The application's HTTP server passes the requests on its path to it. */
  #createServer({ limits, fairQueue }: TransportHost): Server {
    const http = this.#http()
    // Never listens. Socket.IO needs a server to attach to, and this one answers the requests that Socket.IO ignores.
    const inner = createServer((_request, response) => response.writeHead(404).end())
    const path = `${this.#settings.path}/`
    const server = new Server(inner, {
      path,
      serveClient: false,
      maxHttpBufferSize: limits.maxPayload,
      connectTimeout: limits.handshakeTimeout,
      // Bounds the connections that have no socket yet: the app's connection limits do not count them.
      allowRequest: (_request, decide) => {
        const withoutSocket = server.engine.clientsCount - this.#wires.size
        const full = withoutSocket >= limits.maxHandshakes
        decide(full ? 'too_many_connections' : null, !full)
      },
      pingInterval: limits.pingInterval,
      pingTimeout: limits.pingTimeout,
    })
    // The address is read now: a long-polling request may have closed its connection when the session opens.
    const saveAddress = (request: IncomingMessage) => this.#addresses.set(request, http.addressOf(request))
    http.onRequest(this.#settings.path, (request, response) => {
      saveAddress(request)
      inner.emit('request', request, response)
    })
    http.onUpgrade(path, (request, socket, head) => {
      saveAddress(request)
      readInPieces(socket, fairQueue)
      inner.emit('upgrade', request, socket, head)
    })
    return server
  }
}

/** Reads a socket in turns of the fair queue as soon as `ws` listens for its data. If that is impossible, `ws` reads. */
const readInPieces = (socket: Duplex, queue: FairQueue): void => {
  const onNewListener = (event: string | symbol) => {
    if (event !== 'data') return
    socket.off('newListener', onNewListener)
    // Node emits `newListener` before it adds the listener.
    process.nextTick(() => {
      if (canReadInPieces(socket, () => new Readable({ read() {} }))) new StreamReader(socket, queue).start()
    })
  }
  socket.on('newListener', onNewListener)
}

/** HTTP statuses of errors after which the client must wait before it reconnects (429) or needs another token (401). */
const REPORTED_STATUSES = new Set([401, 429])

/** Creates the error of the client's `connect_error` event. */
const connectError = (error: RookeryError): Error => {
  const delay = reconnectAfter(error)
  const data = { ...(codedError(error) ?? error).toJSON(), ...(delay !== null && { reconnectAfter: delay }) }
  return Object.assign(new Error(error.message), { data })
}

/** Whether a server encodes packets in Socket.IO's own text format, not with a custom parser. */
const encodesText = (server: Server): boolean => {
  const probe = { type: 2, nsp: '/', data: ['a', 1] }
  const { encoder } = server as unknown as { encoder: { encode(packet: object): unknown[] } }
  return encoder.encode(probe)[0] === '2["a",1]'
}
