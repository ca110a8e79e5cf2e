import { WebSocket } from 'ws'
import { answer } from '../ipc.mjs'
import { numberOf, roomOf } from './messages.mjs'
import { protocols } from './peers.mjs'

/** Handshakes at the same time. More would exceed the backlog of the server's socket, and a lost SYN costs a second. */
const MAX_HANDSHAKES = 256

/** A client that loses its connection and comes back. It checks that it gets each message once and in order. */
class Client {
  /** @type {string | undefined} */
  position
  /** @type {string | undefined} */
  pid
  #protocol
  #url
  #next = 0
  #isOpen = false
  #wanted = 0
  #onWanted = () => {}
  /** @type {WebSocket | undefined} */
  #socket

  /** @param {string} room @param {import('./peers.mjs').Protocol} protocol @param {number} port */
  constructor(room, protocol, port) {
    this.room = room
    this.#protocol = protocol
    this.#url = `ws://127.0.0.1:${port}${protocol.path(room)}`
  }

  /** Connects. Resolves after the WebSocket handshake. @returns {Promise<void>} */
  connect() {
    const socket = new WebSocket(this.#url, { perMessageDeflate: false, skipUTF8Validation: true })
    this.#socket = socket
    socket.on('message', (data) => this.#protocol.take(this, String(data)))
    socket.on('close', () => {
      if (this.#socket === socket) throw new Error('The server closed a connection')
    })
    return new Promise((resolve) => void socket.on('open', () => resolve()))
  }

  /** Loses the connection. */
  cut() {
    const socket = this.#socket
    this.#socket = undefined
    this.#isOpen = false
    socket?.terminate()
  }

  /**
   * Resolves when the client has subscribed and has received so many messages in all.
   *
   * @param {number} count @returns {Promise<void>}
   */
  until(count) {
    this.#wanted = count
    return new Promise((resolve) => {
      this.#onWanted = resolve
      this.#check()
    })
  }

  /** @param {string} text */
  send(text) {
    this.#socket?.send(text)
  }

  /** @param {{ seq: number }} payload */
  received(payload) {
    const number = numberOf(payload)
    if (number !== this.#next) throw new Error(`A client got message ${number} instead of ${this.#next}`)
    this.#next++
    this.#check()
  }

  opened() {
    this.#isOpen = true
    this.#check()
  }

  #check() {
    if (this.#isOpen && this.#next === this.#wanted) this.#onWanted()
  }
}

/** @type {Client[]} */
let clients = []

/**
 * Connects all clients, as fast as the server accepts them.
 *
 * @param {number} count of messages that a client has when it is complete
 * @returns {Promise<number[]>} for each client, the milliseconds from the beginning until it is complete
 */
const connectAll = async (count) => {
  const begun = performance.now()
  const complete = clients.map(async (client) => {
    await client.until(count)
    return performance.now() - begun
  })
  let next = 0
  const connectSome = async () => {
    for (let client = clients[next++]; client; client = clients[next++]) await client.connect()
  }
  await Promise.all(Array.from({ length: MAX_HANDSHAKES }, connectSome))
  return Promise.all(complete)
}

answer({
  /** @param {{ kind: string, port: number, count: number, rooms: number }} input */
  async open({ kind, port, count, rooms }) {
    const protocol = /** @type {import('./peers.mjs').Protocol} */ (protocols[kind])
    clients = Array.from({ length: count }, (_, n) => new Client(roomOf(n, rooms), protocol, port))
    await connectAll(0)
  },
  /** @param {number} count of messages that every client has then */
  until: async (count) => void (await Promise.all(clients.map((client) => client.until(count)))),
  cut() {
    for (const client of clients) client.cut()
  },
  comeBack: connectAll,
})
