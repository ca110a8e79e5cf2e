import type { Socket } from 'socket.io'
import type { RookeryError } from '../../core/protocol/errors.ts'
import type { Frame } from '../../core/protocol/frame.ts'
import type { MessageFrame, ReplyFrame, ServerFrame } from '../../core/protocol/protocol.ts'
import type { Limits } from '../../core/sessions/limits.ts'
import type { Wire } from '../../core/sessions/transport.ts'
import { eventOf, packet } from './framing.ts'

/** What is used of Engine.IO beyond its types. */
interface EngineSocket {
  /** Packets that wait for the transport. */
  readonly writeBuffer: readonly { readonly data?: { readonly length: number } }[]
  readonly transport: {
    /** Of the transport over WebSocket. */
    readonly socket?: { readonly bufferedAmount: number; terminate?(): void }
  }
}

export type Ack = (reply: unknown) => void

/** The wire of one socket. Frames wait until Socket.IO has told the client that it is connected. */
export class SocketWire implements Wire {
  /** Engine.IO has pings of its own. */
  readonly selfMonitored = true
  readonly #socket: Socket
  readonly #engine: EngineSocket
  readonly #closeTimeout: number
  readonly #text: boolean
  readonly #acks = new Map<number, Ack>()
  #waiting: Frame[] | undefined = []
  #lastAck = 0
  /** Bytes of packets that no event has been charged with. */
  #bytes = 0
  #closed = false

  /**
   * @param text whether packets may be given to Engine.IO as text: not where the user has a parser of their own
   * @param limits a client that leaves twice `maxBuffered` unread, or sends twice `byteBurst` without an event in it, is
   * cut off
   */
  constructor(
    socket: Socket,
    text: boolean,
    closeTimeout: number,
    { maxBuffered, byteBurst }: Pick<Limits, 'maxBuffered' | 'byteBurst'>,
  ) {
    this.#socket = socket
    this.#engine = socket.conn as unknown as EngineSocket
    this.#text = text
    this.#closeTimeout = closeTimeout
    // Socket.IO answers some packets by itself, past the session and its limits.
    socket.conn.on('packet', ({ data }: { data?: string | Buffer }) => {
      if (data !== undefined) this.#bytes += Buffer.byteLength(data)
      if (this.buffered > 2 * maxBuffered) this.terminate()
      // Events come after the packets that they were in.
      if (this.#bytes > 2 * byteBurst) setImmediate(() => this.#bytes > 2 * byteBurst && this.terminate())
    })
  }

  /** What Engine.IO has not given to its transport yet, and what a WebSocket has not given to the kernel. */
  get buffered(): number {
    let bytes = this.#engine.transport.socket?.bufferedAmount ?? 0
    for (const { data } of this.#engine.writeBuffer) bytes += data?.length ?? 0
    return bytes
  }

  /** Bytes that have come since it was last asked. */
  takeBytes(): number {
    const bytes = this.#bytes
    this.#bytes = 0
    return bytes
  }

  /** Remembers an acknowledgement; the frame it is for gets the number. */
  expect(ack: Ack): number {
    this.#acks.set(++this.#lastAck, ack)
    return this.#lastAck
  }

  /** The client is connected: what waited goes out. */
  ready(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    this.write(waiting)
  }

  write(frames: readonly Frame[]): void {
    if (this.#waiting) {
      this.#waiting.push(...frames)
      return
    }
    if (!this.#socket.connected) return
    for (const frame of frames) {
      if (frame.message.type === undefined) this.#message(frame, frame.message)
      else this.#control(frame.message)
    }
  }

  close(error?: RookeryError): void {
    if (this.#closed) return
    this.#closed = true
    const { conn } = this.#socket
    const timer = setTimeout(() => this.terminate(), this.#closeTimeout)
    conn.once('close', () => clearTimeout(timer))
    // Before the client is connected, whoever refused it still has to tell it so.
    if (this.#waiting) return
    // A client that Socket.IO disconnects stays away; one that loses its connection comes back.
    if (this.#socket.connected && error && !error.retryable) this.#socket.disconnect(true)
    else conn.close()
  }

  terminate(): void {
    this.#closed = true
    const { socket } = this.#engine.transport
    this.#socket.conn.close(true)
    // Engine.IO closes a WebSocket politely, and would wait for a peer that no longer reads.
    socket?.terminate?.()
  }

  #message(frame: Frame, message: MessageFrame): void {
    if (this.#text) {
      const { text, options } = frame.encoded(packet)
      this.#socket.conn.write(text, options as object)
    } else {
      this.#socket.emit(...eventOf(message))
    }
  }

  #control(message: Exclude<ServerFrame, MessageFrame>): void {
    switch (message.type) {
      case 'reply':
        this.#reply(message)
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
      case 'ping':
        break
    }
  }

  #reply({ id, payload, error }: ReplyFrame): void {
    const ack = this.#acks.get(id)
    this.#acks.delete(id)
    ack?.(error ? { error } : payload)
  }
}
