import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy that can be shut: it then ends every connection, new ones too. */
export class TcpGate {
  readonly #sockets = new Set<Socket>()
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

  shut(): void {
    this.#isShut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  open(): void {
    this.#isShut = false
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.shut()
    await closed
  }

  #forward(socket: Socket): void {
    if (this.#isShut) {
      socket.destroy()
      return
    }
    const upstream = connect(this.#target, '127.0.0.1')
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      this.#sockets.add(one)
      // Small messages must not wait for each other.
      one.setNoDelay(true)
      one.on('error', () => {})
      one.once('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  }
}
