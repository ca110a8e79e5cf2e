import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Closes a server's connections as they fall idle. Node's own `closeIdleConnections` leaves those alone that have
 * never asked for anything, and browsers open such connections to be quick later.
 */
export class Connections {
  readonly #idle = new Set<Socket>()
  #closing = false

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#rest(socket)
      socket.once('close', () => this.#idle.delete(socket))
    })
    server.on('request', ({ socket }, response) => {
      this.#idle.delete(socket)
      response.once('close', () => this.#rest(socket))
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
