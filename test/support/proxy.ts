import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'

/** Faults of the proxy. */
export interface ProxyFaults {
  /** `swallow` accepts an upgrade without forwarding it and sends nothing. A number refuses it with this status. */
  readonly upgrades?: 'pass' | 'swallow' | number
  /** `buffer` holds a response back until it is complete. */
  readonly responses?: 'stream' | 'buffer'
  /** Answers a request itself: returns true if it does so, or holds the request back. */
  readonly intercept?: (incoming: IncomingMessage, outgoing: ServerResponse) => boolean
  /** Ends every connection after this many milliseconds. */
  readonly cutAfter?: number
}

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** An HTTP proxy in front of a server. Its faults can be changed at any time. Closed at the end of the test. */
export class FaultyProxy {
  #target: URL
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #streams = new Map<IncomingMessage, ServerResponse>()
  readonly #upgraded = new Set<Duplex>()
  #faults: ProxyFaults
  /** Method and target of every request so far. The method of an upgrade is `UPGRADE`. */
  readonly requests: string[] = []
  /** Status of every response so far. */
  readonly responses: number[] = []

  private constructor(target: string, faults: ProxyFaults) {
    this.#target = new URL(target)
    this.#faults = faults
    this.#server = createServer((incoming, outgoing) => this.#forward(incoming, outgoing))
    this.#server.on('upgrade', (incoming, socket, head) => this.#upgrade(incoming, socket, head))
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      const { cutAfter } = this.#faults
      const timer = cutAfter === undefined ? undefined : setTimeout(() => socket.destroy(), cutAfter)
      socket.on('error', () => {})
      socket.once('close', () => {
        clearTimeout(timer)
        this.#sockets.delete(socket)
      })
    })
  }

  static async listen(target: string, faults: ProxyFaults = {}): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target, faults)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    onTestFinished(() => proxy.close())
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Number of sockets with an upgrade request that are open. */
  get openUpgrades(): number {
    return this.#upgraded.size
  }

  /** Sets the server to which the proxy forwards. */
  set target(url: string) {
    this.#target = new URL(url)
  }

  /** Sets the faults. Open connections are not affected. */
  become(faults: ProxyFaults): void {
    this.#faults = faults
  }

  /** Removes all faults. */
  heal(): void {
    this.become({})
  }

  /** Holds back what arrives on the event streams that are open now, until `releaseStreams()`. */
  holdStreams(): void {
    for (const response of this.#streams.keys()) response.unpipe().pause()
  }

  releaseStreams(): void {
    for (const [response, outgoing] of this.#streams) response.pipe(outgoing)
  }

  /** Ends every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cut()
    await closed
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    this.requests.push(`${incoming.method} ${incoming.url}`)
    if (this.#faults.intercept?.(incoming, outgoing)) return
    const { method, url, headers } = incoming
    const { hostname, port } = this.#target
    const upstream = request({ hostname, port, method, path: url, headers, agent: false })
    upstream.on('error', () => {
      if (!outgoing.headersSent) outgoing.writeHead(502)
      outgoing.end()
    })
    upstream.on('response', (response) => {
      const { statusCode = 502 } = response
      this.responses.push(statusCode)
      response.on('error', () => outgoing.destroy())
      if (this.#faults.responses === 'buffer') {
        const chunks: Buffer[] = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('end', () => outgoing.writeHead(statusCode, response.headers).end(Buffer.concat(chunks)))
      } else {
        outgoing.writeHead(statusCode, response.headers)
        outgoing.flushHeaders()
        response.pipe(outgoing)
        if (!response.headers['content-type']?.startsWith('text/event-stream')) return
        this.#streams.set(response, outgoing)
        outgoing.once('close', () => this.#streams.delete(response))
      }
    })
    outgoing.once('close', () => upstream.destroy())
    incoming.on('error', () => upstream.destroy())
    incoming.pipe(upstream)
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.requests.push(`UPGRADE ${incoming.url}`)
    socket.on('error', () => {})
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
    const { upgrades = 'pass' } = this.#faults
    if (typeof upgrades === 'number') {
      socket.end(`HTTP/1.1 ${upgrades} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    } else if (upgrades === 'swallow') {
      const key = incoming.headers['sec-websocket-key'] ?? ''
      const accept = createHash('sha1')
        .update(key + magic)
        .digest('base64')
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      )
      socket.resume()
      // Sockets of an HTTP server stay half open otherwise.
      socket.on('end', () => socket.destroy())
    } else {
      this.#tunnel(incoming, socket, head)
    }
  }

  #tunnel(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const upstream = connect(Number(this.#target.port), this.#target.hostname)
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
