import { createServer } from 'node:http'
import { Server, type Socket } from 'socket.io'
import { RookeryError } from '../../core/errors.ts'
import type { ClientFrame, PongFrame } from '../../core/protocol.ts'
import type { Session } from '../../core/session.ts'
import type { Handshake, Transport, TransportHost } from '../../core/transport.ts'
import type { HttpServer } from '../http/tokens.ts'
import { type Ack, SocketWire } from './wire.ts'

export interface SocketIoSettings {
  readonly path: string
  readonly closeTimeout: number
  readonly server: Server | undefined
}

/** Takes the sockets of a Socket.IO server's main namespace for sessions. */
export class SocketIoTransport implements Transport {
  readonly name = 'socketio'
  readonly #http: () => HttpServer
  readonly #settings: SocketIoSettings
  readonly #sockets = new Set<Socket>()
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
    this.#server = server
    server.use((socket, next) => {
      if (!active) return next()
      const wire = new SocketWire(socket, text, this.#settings.closeTimeout)
      this.#track(socket)
      host.open(handshakeOf(socket), wire).then(
        (session) => {
          socket.conn.once('close', () => session.disconnected())
          socket.data.rookery = { session, wire }
          if (!socket.conn.readyState.startsWith('open')) session.disconnected()
          if (wire.refused) refuse(socket, new RookeryError('session_closed'), next)
          else next()
        },
        (error: RookeryError) => refuse(socket, error, next),
      )
    })
    const connected = (socket: Socket) => {
      const { session, wire } = socket.data.rookery ?? {}
      if (session) attach(socket, session, wire)
    }
    server.on('connection', connected)
    this.#detach = () => {
      active = false
      server.off('connection', connected)
    }
  }

  async stop(): Promise<void> {
    if (this.#sockets.size > 0) {
      await new Promise<void>((resolve) => {
        this.#empty = resolve
      })
    }
    this.#detach()
    if (!this.#settings.server) await this.#server?.close()
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket)
    socket.conn.once('close', () => {
      this.#sockets.delete(socket)
      if (this.#sockets.size === 0) this.#empty?.()
    })
  }

  /** A server behind the app's HTTP server, which passes on what is meant for it. */
  #createServer({ limits }: TransportHost): Server {
    const http = this.#http()
    // Never listens: Socket.IO only attaches itself to a server.
    const inner = createServer()
    const path = `${this.#settings.path}/`
    const server = new Server(inner, {
      path,
      serveClient: false,
      maxHttpBufferSize: limits.maxPayload,
      connectTimeout: limits.handshakeTimeout,
      pingInterval: limits.pingInterval,
      pingTimeout: limits.pingTimeout,
    })
    http.onRequest(this.#settings.path, (request, response) => void inner.emit('request', request, response))
    http.onUpgrade(path, (request, socket, head) => void inner.emit('upgrade', request, socket, head))
    return server
  }
}

/** Whether a server writes packets in Socket.IO's own text encoding, and not with a parser of the user's. */
const encodesText = (server: Server): boolean => {
  const probe = { type: 2, nsp: '/', data: ['a', 1] }
  const [encoded] = (server as unknown as { encoder: { encode(packet: object): unknown[] } }).encoder.encode(
    probe,
  )
  return encoded === '2["a",1]'
}

/** Parameters of Engine.IO itself. */
const ENGINE = new Set(['EIO', 'transport', 't', 'sid', 'b64', 'j'])

/** Query and `auth` come together: browsers can set both, and `auth` wins. */
const handshakeOf = ({ handshake }: Socket): Handshake => {
  const given = { ...handshake.query, ...handshake.auth }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'string' && !ENGINE.has(name) && name !== 'token') query.append(name, value)
  }
  const { token } = handshake.auth
  return {
    transport: 'socketio',
    address: handshake.address,
    headers: handshake.headers,
    query,
    ...(typeof token === 'string' && { token }),
  }
}

/** A refusal that Socket.IO passes on is for good; whoever may come back loses the connection instead. */
const refuse = (socket: Socket, error: RookeryError, next: (error: Error) => void): void => {
  if (error.retryable) socket.conn.close()
  else next(Object.assign(new Error(error.message), { data: error.toJSON() }))
}

/** Passes on what the client emits, now that it is connected. */
const attach = (socket: Socket, session: Session, wire: SocketWire): void => {
  socket.onAny((event: string, ...args: unknown[]) => {
    const ack = typeof args.at(-1) === 'function' ? (args.pop() as Ack) : undefined
    const id = ack && { id: wire.expect(ack) }
    const wrong = args.length > 1 ? 'bad_frame' : hasBinary(args[0]) ? 'binary_not_supported' : undefined
    if (!wrong) session.receive({ ...frameOf(event, args[0]), ...id })
    else session.receive({ type: 'invalid', error: new RookeryError(wrong), ...id })
  })
  socket.once('disconnect', () => session.disconnected())
  wire.ready()
}

const frameOf = (event: string, payload: unknown): Exclude<ClientFrame, PongFrame> => {
  switch (event) {
    case 'subscribe':
    case 'unsubscribe':
      return { type: event, topics: (Array.isArray(payload) ? payload : [payload]) as string[] }
    case 'auth':
      return { type: 'auth', token: payload as string }
    default:
      return { topic: event, payload }
  }
}

/** Without recursion: how deep a payload is nested is the peer's choice. */
const hasBinary = (payload: unknown): boolean => {
  const values = [payload]
  for (let value = values.pop(); value !== undefined; value = values.pop()) {
    if (typeof value !== 'object' || value === null) continue
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return true
    values.push(...Object.values(value).filter((inner) => typeof inner === 'object' && inner !== null))
  }
  return false
}
