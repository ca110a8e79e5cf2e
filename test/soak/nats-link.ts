import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** The network between one node and NATS: it takes time, and can be cut. */
export class NatsLink {
  readonly #target: number
  readonly #delay: number
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((socket) => this.#forward(socket))
  #isCut = false

  private constructor(target: number, delay: number) {
    this.#target = target
    this.#delay = delay
  }

  /**
   * @param target port of the NATS server
   * @param delay milliseconds that data takes in each direction, as between two machines
   */
  static async open(target: number, delay: number): Promise<NatsLink> {
    const link = new NatsLink(target, delay)
    link.#server.listen(0, '127.0.0.1')
    await once(link.#server, 'listening')
    return link
  }

  get url(): string {
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Ends the connections, and each new one until `heal()`. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  heal(): void {
    this.#isCut = false
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.cut()
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  #forward(socket: Socket): void {
    if (this.#isCut) {
      socket.destroy()
      return
    }
    const upstream = connect(this.#target, '127.0.0.1')
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      this.#sockets.add(from)
      from.setNoDelay(true)
      // Timers of one length fire in order.
      from.on('data', (data) => void setTimeout(() => to.writable && to.write(data), this.#delay))
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        // After the data that is on its way: a node that stops tells the others at last.
        setTimeout(() => to.destroySoon(), this.#delay)
      })
    }
  }
}
