import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { NetworkIntake } from '../../core/network-intake.ts'
import { PIECE, PieceReader, SMALL_PIECE } from './piece-reader.ts'

/** Reads the requests of a connection piece by piece, for Node's parser. */
export class RequestReader {
  readonly #socket: Socket
  readonly #reader: PieceReader
  /** Bytes of the body that is being read, or more: parsing them costs next to nothing. */
  #body = 0
  /** Requests in the piece that is being read. */
  #requests = 0
  #piece = PIECE

  constructor(socket: Socket, intake: NetworkIntake, address: string) {
    this.#socket = socket
    this.#reader = new PieceReader(socket, (read) => intake.flow(address, read), {
      size: (several, waiting) => this.#sizeOf(several, waiting),
    })
    // How Node's server waits for whoever takes a body, or answers. A stream that is read like this ignores its own.
    socket.pause = this.#pause
    socket.resume = this.#resume
    this.#reader.start()
  }

  /** A request has come, and after it comes its body. */
  expect({ headers }: IncomingMessage): void {
    this.#body = Number(headers['content-length'] ?? 0)
    // Requests follow each other without waiting for answers, and a dozen of the smallest fit into a piece.
    if (++this.#requests > 1) this.#piece = SMALL_PIECE
  }

  /** Leaves the connection to others, with all that it has not read. */
  release(): void {
    this.#reader.release()
    this.#socket.pause = Socket.prototype.pause
    this.#socket.resume = Socket.prototype.resume
  }

  // Fields: V8 puts a function that is written where it is assigned among what lives long, with all that it sees.
  readonly #pause = (): Socket => {
    this.#reader.stop()
    return this.#socket
  }

  readonly #resume = (): Socket => {
    this.#reader.start()
    return this.#socket
  }

  #sizeOf(several: number, waiting: number): number {
    const size = Math.max(Math.min(several, this.#piece), this.#body)
    this.#requests = 0
    this.#body -= Math.min(this.#body, waiting)
    return size
  }
}
