import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Random } from '../../plugins/testing/random.ts'

/** A server behind the balancer. The URL is `http://…`, or `unix:` and a path. */
export interface Target {
  readonly id: string
  readonly url: string
}

/**
 * A load balancer without sticky sessions: every request and every WebSocket goes to a random node, also requests of
 * one keep-alive connection. It skips a node that refuses connections. Requests that such a node was serving fail.
 */
export class Balancer {
  /** Requests and WebSockets so far, by node. */
  readonly picks = new Map<string, number>()
  /** Connections that a node refused. The balancer then tried another node. */
  refused = 0
  /** Requests that ended with 502, because their node went away before it had answered. */
  failed = 0
  readonly #random: Random
  readonly #targets = new Map<string, Target>()
  readonly #sockets = new Set<Socket>()
  /** Sockets with a request or a WebSocket under way, of the clients that name themselves in the header `x-client`. */
  readonly #socketsOf = new Map<string, Set<Duplex>>()
  /** Clients that are cut off. */
  readonly #away = new Set<string>()
  readonly #server = createServer({ keepAliveTimeout: 60_000 }, (incoming, outgoing) => {
    const { socket } = incoming
    if (!this.#admit(incoming, socket)) return
    outgoing.once('close', () => this.#left(incoming, socket))
    this.#forward(incoming, outgoing).catch(() => this.#fail(outgoing))
  })

  private constructor(random: Random) {
    this.#random = random
    this.#server.on('upgrade', (incoming, socket, head) => {
      if (!this.#admit(incoming, socket)) return
      socket.once('close', () => this.#left(incoming, socket))
      this.#tunnel(incoming, socket, head).catch(() => {
        socket.end('HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      })
    })
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** Listens on a free port. The caller closes the balancer. */
  static async listen(random: Random): Promise<Balancer> {
    const balancer = new Balancer(random)
    balancer.#server.listen(0, '127.0.0.1')
    await once(balancer.#server, 'listening')
    return balancer
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  add(target: Target): void {
    this.#targets.set(target.id, target)
  }

  /** Sends no more requests to a target. Open connections stay. */
  remove({ id }: Target): void {
    this.#targets.delete(id)
  }

  /** Cuts about one of `of` open connections of clients, without a word to either side. */
  cut(of: number): void {
    for (const socket of this.#sockets) {
      if (this.#random.below(of) === 0) socket.destroy()
    }
  }

  /** Cuts the connections of a client (header `x-client`), and refuses new ones until `heal()`. */
  cutOff(client: string): void {
    this.#away.add(client)
    for (const socket of this.#socketsOf.get(client) ?? []) socket.destroy()
  }

  heal(client: string): void {
    this.#away.delete(client)
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  /** Remembers whose request a socket has. Destroys the socket and returns false if that client is cut off. */
  #admit({ headers }: IncomingMessage, socket: Duplex): boolean {
    const client = headers['x-client']
    if (typeof client !== 'string') return true
    if (this.#away.has(client)) {
      socket.destroy()
      return false
    }
    const sockets = this.#socketsOf.get(client) ?? new Set()
    this.#socketsOf.set(client, sockets.add(socket))
    return true
  }

  /** A request or a WebSocket has ended. */
  #left({ headers }: IncomingMessage, socket: Duplex): void {
    const client = String(headers['x-client'])
    const sockets = this.#socketsOf.get(client)
    if (sockets?.delete(socket) && sockets.size === 0) this.#socketsOf.delete(client)
  }

  /** Connects to a random node that accepts connections. */
  async #connect(): Promise<Socket> {
    const left = [...this.#targets.values()]
    while (left.length > 0) {
      const target = this.#random.pick(left)
      left.splice(left.indexOf(target), 1)
      const socket = dial(target.url)
      try {
        await once(socket, 'connect')
        this.picks.set(target.id, (this.picks.get(target.id) ?? 0) + 1)
        return socket
      } catch {
        this.refused++
      }
    }
    throw new Error('No node accepts connections')
  }

  async #forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method, url, headers } = incoming
    const socket = await this.#connect()
    if (outgoing.destroyed) {
      socket.destroy()
      return
    }
    const upstream = request({
      method,
      path: url,
      headers: { ...headers, connection: 'close' },
      createConnection: () => socket,
    })
    upstream.on('error', () => this.#fail(outgoing))
    upstream.on('response', (response) => {
      const { 'transfer-encoding': _, connection: __, ...others } = response.headers
      response.on('error', () => outgoing.destroy())
      outgoing.writeHead(response.statusCode ?? 502, others).flushHeaders()
      response.pipe(outgoing)
    })
    outgoing.once('close', () => upstream.destroy())
    incoming.on('error', () => upstream.destroy())
    incoming.pipe(upstream)
  }

  #fail(outgoing: ServerResponse): void {
    if (outgoing.destroyed) return
    this.failed++
    // Destroys a started response, so that half a response does not look complete.
    if (outgoing.headersSent) outgoing.destroy()
    else outgoing.writeHead(502).end()
  }

  async #tunnel(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const upstream = await this.#connect()
    const { method, url, rawHeaders } = incoming
    const lines = [`${method} ${url} HTTP/1.1`]
    for (let index = 0; index < rawHeaders.length; index += 2) {
      lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`)
    }
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`)
    upstream.write(head)
    upstream.on('error', () => socket.destroy())
    upstream.on('close', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
    socket.pipe(upstream).pipe(socket)
  }
}

const dial = (url: string): Socket => {
  if (url.startsWith('unix:')) return connect(url.slice('unix:'.length))
  const { hostname, port } = new URL(url)
  return connect(Number(port), hostname)
}
