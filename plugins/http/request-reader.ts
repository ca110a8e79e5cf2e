import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { NetworkIntake } from '../../core/network-intake.ts'
import { PIECE, PieceReader, type Pieces, readerOf, SMALL_PIECE } from './piece-reader.ts'

/** Whose connection it is. */
interface Owner {
  readonly intake: NetworkIntake
  /** The connection is closed, and has not been released. */
  forget(socket: Socket): void
}

/** Reads the requests of a connection piece by piece, for Node's parser. */
export class RequestReader implements Pieces {
  readonly owner: Owner
  readonly socket: Socket
  /** Requests without an answer: there may be several in a pipeline. */
  running = 0
  readonly #reader: PieceReader
  /** Bytes of the body that is being read, or more: parsing them costs next to nothing. */
  #body = 0
  /** Requests in the piece that is being read. */
  #requests = 0
  #piece = PIECE
  /** Whether there has been a request: most connections of a flood never get that far. */
  #asked = false

  constructor(owner: Owner, socket: Socket) {
    this.owner = owner
    this.socket = socket
    // Those of a Unix domain socket have no address, and one share.
    const address = socket.remoteAddress ?? ''
    this.#reader = new PieceReader(socket, (read) => owner.intake.flow(address, read), this)
    this.#reader.start()
  }

  /** Bytes of the next piece. */
  size(several: number, waiting: number): number {
    const size = Math.max(Math.min(several, this.#piece), this.#body)
    this.#requests = 0
    this.#body -= Math.min(this.#body, waiting)
    return size
  }

  closed(): void {
    this.owner.forget(this.socket)
  }

  /** A request has come, and after it comes its body. */
  expect({ headers }: IncomingMessage): void {
    if (!this.#asked) this.#begin()
    this.#body = Number(headers['content-length'] ?? 0)
    // Requests follow each other without waiting for answers, and a dozen of the smallest fit into a piece.
    if (++this.#requests > 1) this.#piece = SMALL_PIECE
  }

  /** Leaves the connection to others, with all that it has not read. */
  release(): void {
    this.#reader.release()
    if (!this.#asked) return
    this.socket.pause = Socket.prototype.pause
    this.socket.resume = Socket.prototype.resume
  }

  /** Takes over how Node's server waits for whoever takes a body, or answers: a stream that is read like this ignores it. */
  #begin(): void {
    this.#asked = true
    this.socket.pause = pause
    this.socket.resume = resume
  }
}

function pause(this: Socket): Socket {
  readerOf(this)?.stop()
  return this
}

function resume(this: Socket): Socket {
  readerOf(this)?.start()
  return this
}
