import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Closes a server's connections as they fall idle. Node's own `closeIdleConnections` leaves those alone that have
 * never asked for anything, and browsers open such connections to be quick later.
 */
export class Connections {
  readonly #idle = new Set<Socket>()
  readonly #running = new WeakMap<Socket, number>()
  #closing = false

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#rest(socket)
      socket.once('close', () => this.#idle.delete(socket))
    })
    server.on('request', ({ socket }, response) => {
      this.#idle.delete(socket)
      this.#running.set(socket, (this.#running.get(socket) ?? 0) + 1)
      response.once('close', () => {
        // Requests may be pipelined: the connection rests when the last of them is done.
        const running = (this.#running.get(socket) ?? 1) - 1
        this.#running.set(socket, running)
        if (running === 0) this.#rest(socket)
      })
    })
    // From here on it belongs to whoever took the upgrade.
    server.on('upgrade', ({ socket }) => this.#idle.delete(socket))
  }

  /** Closes what is idle, now and from now on. */
  close(): void {
    this.#closing = true
    for (const socket of this.#idle) socket.destroy()
  }

  #rest(socket: Socket): void {
    if (this.#closing) socket.destroy()
    else if (!socket.destroyed) this.#idle.add(socket)
  }
}
