import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/**
 * A TCP proxy that can become a black hole: it then forwards nothing and closes nothing, new connections included. When
 * it is healed, it delivers the bytes sent meanwhile, as TCP does, even if the sender has given up.
 */
export class BlackHole {
  readonly #port: number
  readonly #sockets = new Set<Socket>()
  readonly #waiting: (() => void)[] = []
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => {
    if (this.#cut) {
      socket.pause()
      this.#waiting.push(() => this.#forward(socket))
    } else this.#forward(socket)
    this.#keep(socket)
  })
  #cut = false

  private constructor(port: number) {
    this.#port = port
  }

  /** Starts a proxy for a local port. Closes it at the end of the test. */
  static async before(port: number): Promise<BlackHole> {
    const hole = new BlackHole(port)
    hole.#server.listen(0, '127.0.0.1')
    await once(hole.#server, 'listening')
    onTestFinished(async () => {
      const closed = once(hole.#server, 'close')
      hole.#server.close()
      for (const socket of hole.#sockets) socket.destroy()
      await closed
    })
    return hole
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  cut(): void {
    this.#cut = true
    for (const socket of this.#sockets) socket.pause()
  }

  heal(): void {
    this.#cut = false
    for (const socket of this.#sockets) socket.resume()
    for (const forward of this.#waiting.splice(0)) forward()
  }

  #forward(socket: Socket): void {
    const upstream = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true })
    this.#keep(upstream)
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      // `pipe` would resume a paused socket by itself.
      one.on('data', (chunk) => other.write(chunk))
      one.on('end', () => other.end())
      one.on('close', (failed) => (failed ? other.destroy() : other.destroySoon()))
    }
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
