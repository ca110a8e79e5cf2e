import type { Socket } from 'socket.io'
import { reconnectAfter } from '../../core/protocol/control-frames.ts'
import type { RookeryError } from '../../core/protocol/errors.ts'
import type { Frame } from '../../core/protocol/frame.ts'
import type { MessageFrame, ReplyFrame, ServerFrame } from '../../core/protocol/protocol.ts'
import type { Limits } from '../../core/sessions/limits.ts'
import type { Wire } from '../../core/sessions/transport.ts'
import { eventOf } from './events.ts'
import { packetCodec } from './packet.ts'

/** A packet of Engine.IO. `wsPreEncodedFrame` is the packet as the bytes of a WebSocket frame. */
interface BufferedPacket {
  readonly data?: string | Buffer
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] }
}

/** Parts of Engine.IO's socket that its types do not have. */
interface EngineSocket {
  /** Packets that the transport has not taken yet. */
  readonly writeBuffer: readonly BufferedPacket[]
  readonly transport: {
    /** Ends a closing that waits for the client's next poll. Only while it waits, at most 30 s. */
    shouldClose?: (() => void) | null
    /** Only if the transport is a WebSocket. */
    readonly socket?: {
      readonly bufferedAmount: number
      readonly readyState?: number
      terminate?(): void
    }
  }
}

const sizeOf = ({ data = '', options }: BufferedPacket): number => {
  const [encoded] = options?.wsPreEncodedFrame ?? []
  return encoded ? encoded.length : Buffer.byteLength(data)
}

/** The `readyState` of an open WebSocket. */
const WEBSOCKET_OPEN = 1

/** Sends a client's acknowledgement: the reply to its event. */
export type Ack = (reply: unknown) => void

/** The wire of one socket. Queues frames until Socket.IO has told the client that it is connected. */
export class SocketIoWire implements Wire {
  /** Engine.IO sends pings of its own. */
  readonly selfMonitored = true
  readonly #socket: Socket
  readonly #engine: EngineSocket
  readonly #closeTimeout: number
  readonly #textPackets: boolean
  readonly #acks = new Map<number, Ack>()
  #queue: Frame[] | undefined = []
  #lastAck = 0
  /** Bytes received since the last call of `takeBytes`. */
  #receivedBytes = 0
  #closed = false

  /**
   * @param textPackets whether Engine.IO may get packets as text. It may not if the server has a custom parser
   * @param closeTimeout milliseconds until a connection that is closing is terminated
   * @param limits the wire terminates the connection of a client that leaves twice `maxBuffered` bytes unread, or
   * that sends twice `byteBurst` bytes without an event
   */
  constructor(
    socket: Socket,
    textPackets: boolean,
    closeTimeout: number,
    { maxBuffered, byteBurst }: Pick<Limits, 'maxBuffered' | 'byteBurst'>,
  ) {
    this.#socket = socket
    this.#engine = socket.conn as unknown as EngineSocket
    this.#textPackets = textPackets
    this.#closeTimeout = closeTimeout
    // Packets that waited for the client to read.
    socket.conn.on('flush', (packets: unknown[]) => {
      if (this.#webSocketCloses) packets.length = 0
    })
    // Socket.IO answers some packets itself, so the limits of the session do not apply to them.
    socket.conn.on('packet', ({ data }: { data?: string | Buffer }) => {
      if (data !== undefined) this.#receivedBytes += Buffer.byteLength(data)
      if (this.buffered > 2 * maxBuffered) this.terminate()
      // Socket.IO emits an event after its packet. The event's handler calls `takeBytes`.
      if (this.#receivedBytes > 2 * byteBurst) {
        setImmediate(() => this.#receivedBytes > 2 * byteBurst && this.terminate())
      }
    })
  }

  /** Bytes that Engine.IO has not given to its transport, and bytes that the WebSocket has not given to the kernel. */
  get buffered(): number {
    let bytes = this.#engine.transport.socket?.bufferedAmount ?? 0
    for (const packet of this.#engine.writeBuffer) bytes += sizeOf(packet)
    return bytes
  }

  /** Returns the number of bytes received since the last call. */
  takeBytes(): number {
    const bytes = this.#receivedBytes
    this.#receivedBytes = 0
    return bytes
  }

  /** Stores the acknowledgement of an event. Returns the id for the event's frame, which the reply carries. */
  addAck(ack: Ack): number {
    this.#acks.set(++this.#lastAck, ack)
    return this.#lastAck
  }

  /** Writes the queued frames, and later frames at once. Call it when the client is connected. */
  release(): void {
    const queue = this.#queue ?? []
    this.#queue = undefined
    this.write(queue)
  }

  write(frames: readonly Frame[]): void {
    if (this.#queue) {
      this.#queue.push(...frames)
      return
    }
    if (!this.#socket.connected || this.#webSocketCloses) return
    for (const frame of frames) {
      if (frame.message.type === undefined) this.#writeMessage(frame, frame.message)
      else this.#writeControl(frame.message)
    }
  }

  close(error?: RookeryError): void {
    if (this.#closed) return
    this.#closed = true
    const { conn } = this.#socket
    const timer = setTimeout(() => this.terminate(), this.#closeTimeout)
    conn.once('close', () => clearTimeout(timer))
    // The client is not connected yet: the transport still has to send it the error.
    if (this.#queue) return
    // A client that the server disconnects stays away. A client that loses its connection reconnects.
    if (this.#socket.connected && error && reconnectAfter(error) === null) this.#socket.disconnect(true)
    else conn.close()
  }

  terminate(): void {
    this.#closed = true
    const { transport } = this.#engine
    const { socket } = transport
    this.#socket.conn.close(true)
    // Engine.IO does not force a closing that has begun.
    transport.shouldClose?.()
    // Engine.IO finishes the closing handshake first, which never ends if the client does not read.
    socket?.terminate?.()
  }

  /**
   * Whether the closing handshake of the WebSocket has begun. RFC 6455 (5.5.1) allows no frame after a close frame, and
   * Engine.IO writes encoded packets without looking at the state of the WebSocket.
   */
  get #webSocketCloses(): boolean {
    const state = this.#engine.transport.socket?.readyState
    return state !== undefined && state !== WEBSOCKET_OPEN
  }

  #writeMessage(frame: Frame, message: MessageFrame): void {
    if (this.#textPackets) {
      const { text, options } = frame.encoded(packetCodec)
      this.#socket.conn.write(text, options as object)
    } else {
      this.#socket.emit(...eventOf(message))
    }
  }

  #writeControl(message: Exclude<ServerFrame, MessageFrame>): void {
    switch (message.type) {
      case 'reply':
        this.#acknowledge(message)
        break
      case 'welcome':
        this.#socket.emit('$welcome', message)
        break
      case 'error':
        this.#socket.emit('$error', message.error)
        break
      case 'close':
        this.#socket.emit('$close', message)
        break
      case 'auth':
        this.#socket.emit('$auth', message)
        break
      case 'unsubscribed':
        this.#socket.emit('$unsubscribed', message)
        break
      case 'replayed': {
        // The id is that of an acknowledgement, which the client does not know.
        const { id: _, ...replayed } = message
        this.#socket.emit('$replayed', replayed)
        break
      }
      case 'ping':
        // Engine.IO sends the pings.
        if (message.cursor !== undefined) this.#socket.emit('$cursor', message.cursor)
        break
    }
  }

  #acknowledge({ id, payload, error }: ReplyFrame): void {
    const ack = this.#acks.get(id)
    this.#acks.delete(id)
    ack?.(error ? { error } : payload)
  }
}
