import type { ClientFrame, ServerFrame, WireError } from 'rookery'
import type { Peer, PeerHandshake } from 'rookery/testing/conformance'
import { io, type Socket } from 'socket.io-client'

/** Internals of a Socket.IO client over WebSocket. The peer needs them to stop reading or answering pings. */
interface Engine {
  readonly transport: {
    readonly ws?: { terminate(): void; readonly _socket: { pause(): void; resume(): void } | null }
  }
  _sendPacket(type: string, ...rest: unknown[]): void
}

/** Events whose payload is a frame of Rookery's protocol. */
const CONTROLS = new Set(['$welcome', '$close', '$auth', '$unsubscribed', '$replayed'])

/** A peer on the unchanged package `socket.io-client`. Translates its events to frames. */
export class SocketIoPeer implements Peer {
  readonly frames: ServerFrame[] = []
  closed: { code?: string } | undefined
  readonly #socket: Socket

  constructor(url: string, { params, token }: PeerHandshake) {
    const auth = token === undefined ? {} : { token }
    const transports = ['websocket']
    const socket = io(url, { transports, query: params, auth, forceNew: true, reconnection: false })
    this.#socket = socket
    const take = (frame: ServerFrame) => this.frames.push(frame)
    socket.onAny((event: string, payload, meta?: object) => {
      if (CONTROLS.has(event)) take(payload)
      else if (event === '$error') take({ type: 'error', error: payload })
      else if (event === '$cursor') take({ type: 'ping', cursor: payload })
      else take({ topic: event, payload, ...meta })
    })
    socket.on('connect_error', (error: Error & { data?: WireError | undefined }) => {
      if (error.data) take({ type: 'close', error: error.data, reconnectAfter: null })
      this.#end()
      // Socket.IO keeps a connection open after it has refused the namespace.
      socket.io.engine?.close()
    })
    socket.on('disconnect', () => this.#end())
  }

  send(frame: ClientFrame): void {
    if (this.closed) return
    const { id } = frame
    const [event, payload] = eventOf(frame)
    if (id === undefined) {
      this.#socket.emit(event, payload)
    } else {
      this.#socket.emit(event, payload, (answer: never) => {
        const error = (answer as { error?: never } | null)?.error
        this.frames.push({ type: 'reply', id, ...(error ? { error } : { payload: answer }) })
      })
    }
  }

  close(): void {
    this.#socket.disconnect()
    this.#end()
  }

  abort(): void {
    this.#engine?.transport.ws?.terminate()
    this.close()
  }

  pause(): void {
    this.#engine?.transport.ws?._socket?.pause()
  }

  resume(): void {
    this.#engine?.transport.ws?._socket?.resume()
  }

  mute(): void {
    const engine = this.#engine as Engine
    const send = engine._sendPacket
    engine._sendPacket = (type, ...rest) => {
      if (type !== 'pong') send.call(engine, type, ...rest)
    }
  }

  get #engine(): Engine | undefined {
    return this.#socket.io.engine as unknown as Engine | undefined
  }

  #end(): void {
    const last = this.frames.at(-1)
    this.closed ??= last?.type === 'close' ? { code: last.error.code } : {}
  }
}

const eventOf = (frame: ClientFrame): [string, unknown] => {
  switch (frame.type) {
    case 'subscribe':
      return [
        frame.type,
        frame.since === undefined ? frame.topics : { topics: frame.topics, since: frame.since },
      ]
    case 'unsubscribe':
      return [frame.type, frame.topics]
    case 'auth':
      return [frame.type, frame.token]
    case 'pong':
      throw new Error('Engine.IO answers pings by itself')
    default:
      return [frame.topic, frame.payload]
  }
}
