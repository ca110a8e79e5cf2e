import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Entry, LinkedList } from '../../core/linked-list.ts'
import { NetworkIntake } from '../../core/network-intake.ts'
import { RequestReader } from './request-reader.ts'

/** Where a socket keeps its place in the list: a `WeakMap` would keep both until the next full garbage collection. */
const PLACE = Symbol('place')

/** Our listeners, of each app on a server. */
const WATCHING = new WeakSet<object>()

/** Whether a listener only watches, and leaves the answer to others. */
export const onlyWatches = (listener: object): boolean => WATCHING.has(listener)

interface Connected extends Duplex {
  [PLACE]?: Entry<RequestReader> | undefined
}

/** The connections of a server until they are upgraded: their requests are read in turns, by network. */
export class Connections {
  readonly intake = new NetworkIntake()
  readonly #server: Server
  readonly #open = new LinkedList<RequestReader>()
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
    WATCHING.add(this.#begin).add(this.#connect)
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
    for (const reader of this.#open) this.#rest(reader)
  }

  readonly #take = (socket: Socket & Connected): void => {
    // Another app on the same server has taken it.
    if (socket[PLACE]) return
    const reader = new RequestReader(this, socket)
    socket[PLACE] = this.#open.add(reader)
    this.#rest(reader)
  }

  readonly #begin = (request: IncomingMessage, response: ServerResponse): void => {
    const reader = (request.socket as Connected)[PLACE]?.value
    if (reader?.owner !== this) return
    reader.running++
    reader.expect(request)
    response.once('close', () => {
      reader.running--
      this.#rest(reader)
    })
  }

  #rest({ socket, running }: RequestReader): void {
    if (this.#closing && running === 0) socket.destroy()
  }

  /** From here on it belongs to whoever takes the upgrade. */
  readonly #upgrade = (_request: IncomingMessage, socket: Connected): void => this.#release(socket)

  readonly #connect = (_request: IncomingMessage, socket: Connected): void => {
    this.#release(socket)
    // Nobody else wants it: Node would do the same.
    if (this.#server.listeners('connect').every(onlyWatches)) socket.destroy()
  }

  #release(socket: Connected): void {
    const place = socket[PLACE]
    if (place?.value.owner !== this) return
    this.forget(socket)
    place.value.release()
  }

  /** Of a connection that is closed, this is all that has to be done. */
  forget(socket: Connected): void {
    if (socket[PLACE]) this.#open.delete(socket[PLACE])
    socket[PLACE] = undefined
  }
}
