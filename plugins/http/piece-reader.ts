import type { Duplex } from 'node:stream'
import type { Flow } from '../../core/intake.ts'
import type { Reader } from './tokens.ts'

/** Bytes of a piece: Node hands over up to 64 KiB at once, and ten thousand of the smallest frames fit into that. */
export const PIECE = 512

/**
 * Reads a connection piece by piece. Whoever listens for its `data` need not know: as long as there is a listener for
 * `readable`, a stream emits `data` only for what somebody reads.
 */
export class PieceReader implements Reader {
  readonly #socket: Duplex
  readonly #flow: Flow
  readonly #sizeOf: (waiting: number) => number
  #reading = false

  /**
   * @param flowOf makes the flow of which each turn reads a piece
   * @param sizeOf bytes of the next piece, where so many wait
   */
  constructor(socket: Duplex, flowOf: (read: () => boolean) => Flow, sizeOf = (_waiting: number) => PIECE) {
    this.#socket = socket
    this.#flow = flowOf(() => this.#read())
    this.#sizeOf = sizeOf
    socket.on('readable', this.#ready)
    // Before others that would then take all that is left, however much it is.
    socket.prependListener('close', this.#forget)
  }

  start(): void {
    if (this.#reading || this.#socket.destroyed) return
    this.#reading = true
    this.#ready()
  }

  stop(): void {
    this.#reading = false
  }

  /** Leaves the connection to others, with all that it has not read. */
  release(): void {
    this.stop()
    this.#socket.off('readable', this.#ready)
    this.#socket.off('close', this.#forget)
  }

  readonly #ready = (): void => {
    if (!this.#reading) return
    const waiting = this.#socket.readableLength
    // A stream tells of its end when somebody reads on.
    if (waiting === 0) this.#socket.read()
    else this.#flow.ready(waiting)
  }

  /** Reads a piece; tells whether there is more. */
  #read(): boolean {
    if (!this.#reading) return false
    const waiting = this.#socket.readableLength
    const size = this.#sizeOf(waiting)
    // All that is left is asked for without a number: only then does a stream notice that nothing follows.
    this.#socket.read(waiting > size ? size : undefined)
    return this.#reading && this.#socket.readableLength > 0
  }

  readonly #forget = (): void => {
    this.#reading = false
    this.#socket.removeAllListeners('data')
    this.#socket.read()
  }
}
