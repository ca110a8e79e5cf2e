import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Limits } from 'rookery'
import { HttpServer } from 'rookery/http'
import { type SseOptions, sse } from 'rookery/sse'
import { MemoryCluster } from 'rookery/testing'
import { onTestFinished } from 'vitest'
import { createRandom, type Random } from '../../plugins/testing/random.ts'
import { startApp, type TestApp, type TestAppOptions } from '../support/app.ts'
import { SseReader } from '../support/sse-reader.ts'

export interface Node extends TestApp {
  /** Its id. */
  readonly id: string
  /** Where its streams are. */
  readonly at: string
  /** How many requests it is answering. */
  running(): number
}

export interface Nodes {
  readonly cluster: MemoryCluster
  readonly nodes: readonly Node[]
}

export interface NodesOptions extends SseOptions {
  readonly limits?: Partial<Limits>
  readonly prepare?: TestAppOptions['prepare']
}

/** Starts nodes that act as one app; they are stopped with the test. */
export const startNodes = async (count: number, options: NodesOptions = {}): Promise<Nodes> => {
  const { limits = {}, prepare = () => {}, ...rest } = options
  const cluster = new MemoryCluster()
  const nodes: Node[] = []
  while (nodes.length < count) {
    const plugins = [sse(rest), cluster.plugin()]
    const started = await startApp({
      limits,
      plugins,
      prepare: (app) => {
        app.handle('echo', (_ctx, payload) => payload)
        prepare(app)
      },
    })
    let running = 0
    started.app.scope.get(HttpServer).server.on('request', (_request, response) => {
      running++
      response.once('close', () => running--)
    })
    const { app, url } = started
    nodes.push({ ...started, id: app.cluster.node, at: `${url}/api/v1/sse`, running: () => running })
  }
  return { cluster, nodes }
}

/** Opens a stream and resolves with it and its session. */
export const open = async (at: string, query = ''): Promise<{ reader: SseReader; session: string }> => {
  const reader = await SseReader.open(`${at}?resume=1${query}`)
  const welcome = await reader.until(({ type }) => type === 'welcome')
  return { reader, session: welcome.session as string }
}

/** Goes on with a session's stream. */
export const resume = (at: string, session: string, received: number, query = ''): Promise<SseReader> =>
  SseReader.open(`${at}?session=${session}&received=${received}${query}`)

/** The status of a request and, where it is JSON, its answer. */
export const ask = async (url: string, method = 'GET', body?: unknown) => {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : undefined }
}

/** The status and the code with which a request is refused. */
export const refusal = async (...parameters: Parameters<typeof ask>): Promise<unknown[]> => {
  const { status, body } = await ask(...parameters)
  return [status, body?.error?.code]
}

/** Choices of one run; its seed is printed, and `SEED` repeats it. */
export const createChoices = (purpose: string): Random => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
  console.log(`${purpose}: SEED=${seed}`)
  return createRandom(seed, purpose)
}

/** A balancer without sticky sessions: each request goes to any of its targets. Gone with the test. */
export class Balancer {
  /** Addresses of servers; may be changed at any time. */
  targets: string[]
  /** Whether it holds a response back until it has ended, as some proxies do. */
  buffers = false
  /** Every request so far: where it went, its method and its address. */
  readonly requests: { readonly target: string; readonly method: string; readonly url: string }[] = []
  readonly #random: Random
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((incoming, outgoing) => this.#forward(incoming, outgoing))

  private constructor(targets: string[], random: Random) {
    this.targets = targets
    this.#random = random
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  static async listen(nodes: readonly Pick<Node, 'url'>[], random: Random): Promise<Balancer> {
    const balancer = new Balancer(
      nodes.map(({ url }) => url),
      random,
    )
    balancer.#server.listen(0, '127.0.0.1')
    await once(balancer.#server, 'listening')
    onTestFinished(async () => {
      balancer.#server.close()
      for (const socket of balancer.#sockets) socket.destroy()
    })
    return balancer
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Breaks about so many of a hundred connections. */
  cut(percent: number): void {
    for (const socket of this.#sockets) if (this.#random.below(100) < percent) socket.destroy()
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const target = this.#random.pick(this.targets)
    const { hostname, port } = new URL(target)
    const { method = '', url = '', headers } = incoming
    this.requests.push({ target, method, url })
    const upstream = request({ hostname, port, method, path: url, headers, agent: false })
    upstream.on('error', () => {
      if (!outgoing.headersSent) outgoing.writeHead(502)
      outgoing.end()
    })
    upstream.on('response', (response) => {
      const { statusCode = 502 } = response
      response.on('error', () => outgoing.destroy())
      if (!this.buffers) {
        outgoing.writeHead(statusCode, response.headers).flushHeaders()
        response.pipe(outgoing)
        return
      }
      const chunks: Buffer[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () => outgoing.writeHead(statusCode, response.headers).end(Buffer.concat(chunks)))
    })
    outgoing.once('close', () => upstream.destroy())
    incoming.on('error', () => upstream.destroy())
    incoming.pipe(upstream)
  }
}
