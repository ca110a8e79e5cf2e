import type { FairQueue, Flow } from './fair-queue.ts'
import { FrameLengths } from './frame-lengths.ts'

/** Bytes of a piece. Node reads up to 64 KiB at once, which holds ten thousand of the smallest frames. */
export const PIECE_BYTES = 512
/** Bytes of the first piece of a frame of a peer that does not read: a header, so that one frame is read at a time. */
const UNREAD_PIECE_BYTES = 16
/** Bytes that may be buffered for a peer before the server stops reading the peer's input. */
const UNREAD_BYTES = 64 * 1024
/** Milliseconds between two frames of a peer that does not read, so that its pongs still arrive. */
const UNREAD_INTERVAL_MS = 1000
/** Milliseconds without a piece after which the reader tests whether the peer has reset the connection. */
const RESET_TEST_MS = 20

/** Reads the input of a peer. */
export interface Reader {
  start(): void
  /** Stops reading. Later input stays unread. */
  stop(): void
}

/** The part of Node's `Duplex` that the reader uses. */
export interface UpgradedSocket {
  readonly destroyed: boolean
  readonly readableLength: number
  readonly writable: boolean
  readonly writableLength: number
  read(size?: number): Uint8Array | null
  write(text: string): boolean
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
  listenerCount(event: string): number
}

/** The part of Node's `Readable` that the start-up probe uses. */
export interface ProbeStream {
  readonly readableFlowing: boolean | null
  readonly readableLength: number
  push(text: string): boolean
  read(size: number): unknown
  on(event: string, listener: () => void): unknown
}

let supported: boolean | undefined

/**
 * Whether a `StreamReader` can read a socket. If not, the WebSocket library reads by itself.
 *
 * It can where the library listens for the socket's `data`, and where a listener for `readable` takes precedence over
 * that: Node documents that `data` is then emitted for what `read()` returns and for nothing else. Runtimes that only
 * imitate Node's streams may differ, so the first call tries it on a stream in memory.
 *
 * @param createStream makes a `Readable` whose `read` does nothing
 */
export const canReadInPieces = (socket: UpgradedSocket, createStream: () => ProbeStream): boolean => {
  supported ??= readableTakesPrecedence(createStream())
  return supported && socket.listenerCount('data') > 0
}

const readableTakesPrecedence = (stream: ProbeStream): boolean => {
  let emitted = 0
  stream.on('data', () => emitted++)
  stream.on('readable', () => {})
  stream.push('text')
  const waited = emitted === 0 && stream.readableFlowing === false
  stream.read(1)
  return waited && emitted === 1 && stream.readableLength === 3
}

/**
 * Reads an upgraded socket in small pieces, each in the socket's turn of a fair queue. Listeners for the socket's
 * `data` get the pieces.
 *
 * A peer for which more than `UNREAD_BYTES` wait is read again when it has read them, and until then a frame a
 * second.
 */
export class StreamReader implements Reader {
  readonly #socket: UpgradedSocket
  readonly #flow: Flow
  readonly #frames = new FrameLengths()
  #reading = false
  /** When the last piece was read, if more waited then. */
  #waitingSince: number | undefined
  /** When a peer that does not read is read next. */
  #nextUnread = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(socket: UpgradedSocket, queue: FairQueue) {
    this.#socket = socket
    this.#flow = queue.flow(this.#turn)
    socket.on('readable', this.#ready)
    socket.on('error', this.#discard)
    socket.on('close', this.#close)
  }

  start(): void {
    if (this.#reading || this.#socket.destroyed) return
    this.#reading = true
    this.#ready()
  }

  stop(): void {
    this.#reading = false
    this.#endPause()
  }

  readonly #ready = (): void => {
    if (!this.#reading || this.#timer) return
    // A stream emits `end` only after a read beyond its last byte.
    const waiting = this.#socket.readableLength
    if (waiting === 0) this.#socket.read()
    else this.#flow.ready(waiting)
  }

  /** Reads a piece; returns whether more waits. */
  readonly #turn = (): boolean => {
    const socket = this.#socket
    if (!this.#reading || socket.destroyed) return false
    const now = performance.now()
    const { payload } = this.#frames
    const unread = socket.writableLength > UNREAD_BYTES
    // The rest of a frame is read in any case: nothing is handled before its end.
    if (unread && payload === 0) {
      if (now < this.#nextUnread) {
        this.#pause(this.#nextUnread - now)
        return false
      }
      this.#nextUnread = now + UNREAD_INTERVAL_MS
    }
    this.#testForReset(now)
    const waiting = socket.readableLength
    const size = unread ? payload || UNREAD_PIECE_BYTES : Math.max(PIECE_BYTES, payload)
    // Without a size, `read` takes all waiting bytes and detects the end of the stream.
    const bytes = socket.read(waiting > size ? size : undefined)
    if (bytes !== null) this.#frames.take(bytes)
    const more = this.#reading && socket.readableLength > 0
    this.#waitingSince = more ? now : undefined
    return more
  }

  /**
   * Writes nothing to a peer that has waited for a while. The write fails if the peer has reset the connection, which
   * Node does not notice while it reads nothing; then the server need not handle the rest.
   */
  #testForReset(now: number): void {
    const { writable, writableLength } = this.#socket
    const since = this.#waitingSince ?? now
    if (now - since > RESET_TEST_MS && writable && writableLength === 0) this.#socket.write('')
  }

  /** Stops reading for a while, or until the peer has read everything that the server wrote. */
  #pause(millis: number): void {
    this.#timer = setTimeout(this.#resume, millis)
    this.#socket.on('drain', this.#resume)
  }

  readonly #resume = (): void => {
    this.#endPause()
    this.#ready()
  }

  #endPause(): void {
    if (!this.#timer) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#socket.off('drain', this.#resume)
  }

  /** Drops the unread input of a broken connection. Otherwise `ws` would parse all of it at once on `close`. */
  readonly #discard = (): void => {
    this.stop()
    while (this.#socket.read() !== null);
  }

  readonly #close = (): void => this.stop()
}
