import type { Socket } from 'socket.io'
import type { RookeryError } from '../../core/errors.ts'
import type { Frame } from '../../core/frame.ts'
import type { CloseFrame, ReplyFrame, ServerFrame } from '../../core/protocol.ts'
import type { Wire } from '../../core/transport.ts'
import { packet } from './framing.ts'

export type Ack = (reply: unknown) => void

/** The wire of one socket. Frames wait until Socket.IO has told the client that it is connected. */
export class SocketWire implements Wire {
  /** Engine.IO has pings of its own. */
  readonly selfMonitored = true
  readonly #socket: Socket
  readonly #closeTimeout: number
  readonly #text: boolean
  readonly #acks = new Map<number, Ack>()
  #waiting: Frame[] | undefined = []
  #buffered = 0
  #lastAck = 0
  #closed = false
  #refused = false

  /** @param text whether packets may be given to Engine.IO as text: not where the user has a parser of their own */
  constructor(socket: Socket, text: boolean, closeTimeout: number) {
    this.#socket = socket
    this.#text = text
    this.#closeTimeout = closeTimeout
  }

  get buffered(): number {
    return this.#buffered
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
      if (frame.message.type === undefined) this.#message(frame)
      else this.#control(frame.message)
    }
  }

  close(error?: RookeryError): void {
    if (this.#closed) return
    this.#closed = true
    const { conn } = this.#socket
    const timer = setTimeout(() => this.terminate(), this.#closeTimeout)
    conn.once('close', () => clearTimeout(timer))
    // A client that Socket.IO disconnects stays away; one that loses its connection comes back.
    if (this.#waiting) this.#refused = true
    else if (error?.retryable) conn.close()
    else this.#socket.disconnect(true)
  }

  /** Whether it was closed before the client was connected: its connection is then still to be refused. */
  get refused(): boolean {
    return this.#refused
  }

  terminate(): void {
    this.#closed = true
    const { conn } = this.#socket
    // Engine.IO closes a WebSocket politely, and would wait for a peer that no longer reads.
    const { socket } = conn.transport as { socket?: { terminate?(): void } }
    conn.close(true)
    socket?.terminate?.()
  }

  #message(frame: Frame): void {
    if (this.#text) {
      const { text, options } = frame.encoded(packet)
      this.#buffered += text.length
      this.#socket.conn.write(text, options as object, () => {
        this.#buffered -= text.length
      })
    } else {
      const {
        topic,
        payload = null,
        topics,
        seq,
      } = frame.message as Extract<ServerFrame, { type?: undefined }>
      this.#socket.emit(topic, payload, ...(topics || seq !== undefined ? [{ topics, seq }] : []))
    }
  }

  #control(message: Exclude<ServerFrame, { type?: undefined }>): void {
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
        this.#socket.emit('$close', message satisfies CloseFrame)
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
