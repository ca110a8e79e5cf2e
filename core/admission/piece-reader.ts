import type { Flow } from './turns.ts'

/** Bytes of a piece: Node hands over up to 64 KiB at once, and ten thousand of the smallest frames fit into that. */
export const PIECE = 512
/** The same where little may cost much: it holds hardly more than one of the smallest requests. */
export const SMALL_PIECE = 64
/** Bytes that may wait for a peer while it is read without a pause: about as much as Node writes at once. */
const UNREAD = 64 * 1024
/** Milliseconds from one glance to the next at what a peer sends that does not read what waits for it. */
const PATIENCE = 1000
/** Milliseconds that a peer has waited after which it may have gone meanwhile. */
const LONG = 20
/** Milliseconds and bytes of a glance. */
const GLANCE = { millis: 0.1, bytes: 2048 }

/** How large pieces are. */
export interface Pieces {
  /**
   * Bytes of the next one.
   *
   * @param several as many as it may have where it may hold several things that somebody asks for
   * @param waiting bytes that wait
   */
  size(several: number, waiting: number): number
  /** It has been read. */
  took?(bytes: Uint8Array): void
  /** Nothing more comes: the connection is closed. */
  closed?(): void
}

const SAME: Pieces = { size: (several) => several }

/** Reads a connection in turns with all others. */
export interface Reader {
  /** Reads on: listeners for `data` get small pieces of what comes. */
  start(): void
  /** Leaves what comes unread. */
  stop(): void
}

/** What is used of a stream of Node's. */
export interface PieceSource {
  readonly destroyed: boolean
  readonly readableLength: number
  readonly writable: boolean
  readonly writableLength: number
  read(size?: number): Uint8Array | null
  write(text: string): boolean
  on(event: string, listener: (this: never) => void): unknown
  prependListener(event: string, listener: (this: never) => void): unknown
  off(event: string, listener: (this: never) => void): unknown
  removeAllListeners(event: string): unknown
}

/** Where a connection keeps its reader, so that all connections share their listeners: in a flood, each function counts. */
const READER = Symbol('reader')

interface Connection extends PieceSource {
  [READER]?: PieceReader | undefined
}

/** Who reads a connection now. */
export const readerOf = (connection: Connection): PieceReader | undefined => connection[READER]

/**
 * Reads a connection piece by piece. Whoever listens for its `data` need not know: as long as there is a listener for
 * `readable`, a stream emits `data` only for what somebody reads.
 *
 * Whoever asks for more than it reads is to read first, and until then is read for a moment once a second: so that it can
 * still say that it is alive, and that there is an end to those that never read.
 */
export class PieceReader implements Reader {
  readonly #socket: Connection
  readonly #flow: Flow
  readonly #pieces: Pieces
  #reading = false
  /** When it was last read, if more was left to read; undefined when nothing was. */
  #since: number | undefined
  /** When the peer was last read although much waited for it. */
  #glance = Number.NEGATIVE_INFINITY
  /** Bytes read since then. */
  #glanced = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  /**
   * @param flowOf makes the flow of which each turn reads a piece
   * @param pieces their sizes; 512 bytes by default
   */
  constructor(socket: PieceSource, flowOf: (read: () => boolean) => Flow, pieces: Pieces = SAME) {
    this.#socket = socket
    this.#flow = flowOf(() => this.#turn())
    this.#pieces = pieces
    this.#socket[READER] = this
    socket.on('readable', onReadable)
    // Before others that would then take all that is left, however much it is.
    socket.prependListener('close', onClose)
  }

  start(): void {
    if (this.#reading || this.#socket.destroyed) return
    this.#reading = true
    this.ready()
  }

  stop(): void {
    this.#reading = false
    this.#endWait()
  }

  /** Leaves the connection to others, with all that it has not read. */
  release(): void {
    this.stop()
    // All readers have the same listeners, which may be those of the next one by now.
    if (readerOf(this.#socket) !== this) return
    this.#socket.off('readable', onReadable)
    this.#socket.off('close', onClose)
    this.#socket[READER] = undefined
  }

  /** Something may have come. */
  ready(): void {
    if (!this.#reading) return
    const waiting = this.#socket.readableLength
    // A stream tells of its end when somebody reads on.
    if (waiting === 0) this.#socket.read()
    else if (!this.#timer) this.#flow.ready(waiting)
  }

  /** The peer has read, or has waited long enough. */
  goOn(): void {
    this.#endWait()
    this.ready()
  }

  /** Nothing more comes, and nobody wants the rest. */
  close(): void {
    this.stop()
    this.#pieces.closed?.()
    if (this.#socket.readableLength === 0) return
    this.#socket.removeAllListeners('data')
    this.#socket.read()
  }

  /** Looks after a peer that has waited, and reads a piece; tells whether there is more. */
  #turn(): boolean {
    if (this.#since !== undefined) this.#probe(this.#since)
    const more = this.#read()
    this.#since = more ? performance.now() : undefined
    return more
  }

  #read(): boolean {
    if (!this.#reading || this.#mustWait()) return false
    const waiting = this.#socket.readableLength
    // Not the smallest within a frame: until its end they are garbage that lives, and there may be a thousand.
    const size = this.#isUnread()
      ? Math.min(PIECE, this.#pieces.size(SMALL_PIECE, waiting))
      : this.#pieces.size(PIECE, waiting)
    // All that is left is asked for without a number: only then does a stream notice that nothing follows.
    const bytes = this.#socket.read(waiting > size ? size : undefined)
    if (bytes !== null) {
      this.#glanced += bytes.length
      this.#pieces.took?.(bytes)
    }
    return this.#reading && this.#socket.readableLength > 0
  }

  /**
   * Writes nothing to a peer that has waited long: that fails if it has reset its connection, of which nobody hears while
   * nobody reads, and then all that it has sent need not be handled.
   */
  #probe(since: number): void {
    const { writable, writableLength } = this.#socket
    if (writable && writableLength === 0 && performance.now() - since > LONG) this.#socket.write('')
  }

  /** Whether more waits for the peer than it has to be given time for. */
  #isUnread(): boolean {
    return this.#socket.writableLength > UNREAD
  }

  /** Whether the peer is to read first. */
  #mustWait(): boolean {
    if (!this.#isUnread()) return false
    const now = performance.now()
    if (now - this.#glance >= PATIENCE) {
      this.#glance = now
      this.#glanced = 0
    }
    if (now - this.#glance < GLANCE.millis && this.#glanced < GLANCE.bytes) return false
    this.#timer = setTimeout(() => this.goOn(), this.#glance + PATIENCE - now)
    this.#socket.on('drain', onDrain)
    return true
  }

  #endWait(): void {
    if (!this.#timer) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#socket.off('drain', onDrain)
  }
}

function onReadable(this: Connection): void {
  readerOf(this)?.ready()
}

function onDrain(this: Connection): void {
  readerOf(this)?.goOn()
}

function onClose(this: Connection): void {
  readerOf(this)?.close()
}
