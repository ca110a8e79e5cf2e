import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy that can be shut: it then ends every connection, new ones too. */
export class TcpGate {
  /** What ends each connection, and when that is over. */
  readonly #ends = new Set<() => Promise<unknown>>()
  readonly #target: number
  readonly #server = createServer((socket) => this.#forward(socket))
  #isShut = false

  private constructor(target: number) {
    this.#target = target
  }

  /** Stands before a port of this machine. It is the caller's to close. */
  static async before(target: number): Promise<TcpGate> {
    const gate = new TcpGate(target)
    gate.#server.listen(0, '127.0.0.1')
    await once(gate.#server, 'listening')
    return gate
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ends every connection without a word. Resolves when the server behind it has noticed and ended its side. */
  async shut(): Promise<void> {
    this.#isShut = true
    await Promise.all([...this.#ends].map((end) => end()))
  }

  open(): void {
    this.#isShut = false
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    await this.shut()
    await closed
  }

  #forward(socket: Socket): void {
    if (this.#isShut) {
      socket.destroy()
      return
    }
    const upstream = connect(this.#target, '127.0.0.1')
    const gone = new Promise((resolve) => upstream.once('close', resolve))
    const end = () => {
      socket.destroy()
      // Read on, or it does not hear of the server's end.
      upstream.unpipe().resume().end()
      return gone
    }
    this.#ends.add(end)
    for (const one of [socket, upstream]) {
      // Small messages must not wait for each other.
      one.setNoDelay(true)
      one.on('error', () => {})
    }
    socket.once('close', end)
    upstream.once('close', () => {
      this.#ends.delete(end)
      socket.destroy()
    })
    socket.pipe(upstream).pipe(socket)
  }
}
