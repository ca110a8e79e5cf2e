import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy that can be blocked. While it is blocked, it ends every connection, new ones included. */
export class TcpProxy {
  /** Functions that end each connection and resolve when it has ended. */
  readonly #ends = new Set<() => Promise<unknown>>()
  /** Functions that break the client's half of each connection. */
  readonly #breaks = new Set<() => void>()
  /** The local port to which new connections are forwarded. */
  target: number
  readonly #server = createServer((socket) => this.#forward(socket))
  #isBlocked = false

  private constructor(target: number) {
    this.target = target
  }

  /** Starts a proxy for a local port. The caller closes it. */
  static async before(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ends every connection without a closing handshake. Resolves when the server behind it has ended its side, too. */
  async block(): Promise<void> {
    this.#isBlocked = true
    await Promise.all([...this.#ends].map((end) => end()))
  }

  /**
   * Breaks the client's half of every connection, and keeps the server's half open and silent, as when a client loses its
   * network. New connections are forwarded.
   */
  abandon(): void {
    for (const one of this.#breaks) one()
    this.#breaks.clear()
  }

  unblock(): void {
    this.#isBlocked = false
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    await this.block()
    await closed
  }

  #forward(socket: Socket): void {
    if (this.#isBlocked) {
      socket.destroy()
      return
    }
    const upstream = connect(this.target, '127.0.0.1')
    const gone = new Promise((resolve) => upstream.once('close', resolve))
    const end = () => {
      socket.destroy()
      // Keeps reading, because a paused socket does not report that the server has ended its side.
      upstream.unpipe().resume().end()
      return gone
    }
    this.#ends.add(end)
    this.#breaks.add(() => {
      socket.off('close', end)
      socket.unpipe().destroy()
      upstream.unpipe().resume()
    })
    for (const one of [socket, upstream]) {
      // Without Nagle's algorithm, so that small messages are not delayed.
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
