import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Entry, LinkedList } from '../../core/linked-list.ts'
import { NetworkIntake } from '../../core/network-intake.ts'
import { RequestReader } from './request-reader.ts'

/** Where a socket keeps its connection: a `WeakMap` would keep both until the next full garbage collection. */
const CONNECTION = Symbol('connection')

interface Connected extends Duplex {
  [CONNECTION]?: Entry<Connection> | undefined
}

/** A connection that belongs to Node's server. */
interface Connection {
  readonly socket: Socket
  readonly reader: RequestReader
  /** Requests without an answer: there may be several in a pipeline. */
  running: number
}

/** The connections of a server until they are upgraded: their requests are read in turns, by network. */
export class Connections {
  readonly #server: Server
  readonly #intake = new NetworkIntake()
  readonly #open = new LinkedList<Connection>()
  /** When Node's parser has got a connection. */
  readonly #event: 'connection' | 'secureConnection'
  #closing = false

  constructor(server: Server) {
    this.#server = server
    this.#event = 'setSecureContext' in server ? 'secureConnection' : 'connection'
  }

  attach(): void {
    this.#server.on(this.#event, this.#take)
    this.#server.prependListener('request', this.#begin)
    this.#server.prependListener('upgrade', this.#upgrade)
    this.#server.prependListener('connect', this.#connect)
  }

  /** Lets Node read by itself what is still connected. */
  detach(): void {
    this.#server.off(this.#event, this.#take)
    this.#server.off('request', this.#begin)
    this.#server.off('upgrade', this.#upgrade)
    this.#server.off('connect', this.#connect)
    for (const { socket } of this.#open) this.#release(socket)
  }

  /**
   * Closes what is idle, now and from now on. Node's own `closeIdleConnections` leaves those alone that have never asked
   * for anything, and browsers open such connections to be quick later.
   */
  close(): void {
    this.#closing = true
    for (const connection of this.#open) this.#rest(connection)
  }

  readonly #take = (socket: Socket & Connected): void => {
    // Those of a Unix domain socket have no address, and one share.
    const reader = new RequestReader(socket, this.#intake, socket.remoteAddress ?? '')
    const connection = { socket, reader, running: 0 }
    socket[CONNECTION] = this.#open.add(connection)
    socket.once('close', () => this.#forget(socket))
    this.#rest(connection)
  }

  readonly #begin = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = (request.socket as Connected)[CONNECTION]?.value
    if (!connection) return
    connection.running++
    connection.reader.expect(request)
    response.once('close', () => {
      connection.running--
      this.#rest(connection)
    })
  }

  #rest({ socket, running }: Connection): void {
    if (this.#closing && running === 0) socket.destroy()
  }

  /** From here on it belongs to whoever takes the upgrade. */
  readonly #upgrade = (_request: IncomingMessage, socket: Connected): void => this.#release(socket)

  readonly #connect = (_request: IncomingMessage, socket: Connected): void => {
    this.#release(socket)
    // Nobody else wants it: Node would do the same.
    if (this.#server.listenerCount('connect') === 1) socket.destroy()
  }

  #release(socket: Connected): void {
    this.#forget(socket)?.reader.release()
  }

  /** Of a connection that is closed, this is all that has to be done. */
  #forget(socket: Connected): Connection | undefined {
    const entry = socket[CONNECTION]
    if (!entry || !this.#open.delete(entry)) return undefined
    socket[CONNECTION] = undefined
    return entry.value
  }
}
