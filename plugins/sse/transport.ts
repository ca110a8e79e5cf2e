import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Nodes } from '../../core/cluster/nodes.ts'
import { codedError } from '../../core/protocol/coded-error.ts'
import { closeFrame } from '../../core/protocol/control-frames.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { CloseFrame } from '../../core/protocol/protocol.ts'
import type { PeerSession } from '../../core/sessions/session.ts'
import type { Handshake, Transport, TransportHost } from '../../core/sessions/transport.ts'
import type { HttpServer } from '../http/tokens.ts'
import { ForwardedRequests } from './forwarded-requests.ts'
import { eventOf, STREAM_HEADERS } from './framing.ts'
import { Peer, type PeerSettings, type Resumption } from './peer.ts'
import { RequestForwarder } from './request-forwarder.ts'
import { beginStream } from './response-stream.ts'
import type { SessionEndpoint } from './session-endpoint.ts'
import { sinceOf } from './since.ts'
import { parseFrames, readBody } from './uplink.ts'

/**
 * After this many milliseconds, a stream begins although its session is not open yet: a client that hears nothing for a
 * second takes the silence for a proxy that holds streams back.
 */
const EARLY_BEGIN_MS = 250

export interface SseSettings extends Omit<PeerSettings, 'maxKeptBytes' | 'welcomeTimeout'> {
  readonly path: string
}

/**
 * Streams frames down as events, takes frames up in requests, and keeps a session while its client changes streams.
 */
export class SseTransport implements Transport {
  readonly name = 'sse'
  readonly #http: () => HttpServer
  readonly #settings: SseSettings
  readonly #peers = new Map<string, Peer>()
  readonly #forwardedRequests: ForwardedRequests
  readonly #forwarder: RequestForwarder

  constructor(http: () => HttpServer, nodes: Nodes, settings: SseSettings) {
    this.#http = http
    this.#settings = settings
    this.#forwardedRequests = new ForwardedRequests(nodes, this.#peers)
    this.#forwarder = new RequestForwarder(nodes, settings)
  }

  async start(host: TransportHost): Promise<void> {
    const { path } = this.#settings
    this.#forwarder.start(host.limits)
    this.#http().onRequest(path, async (request, response, url) => {
      const session = url.pathname.slice(path.length + 1)
      if (session === '' && request.method === 'GET')
        await this.#stream(request, response, url.searchParams, host)
      else if (session === '' && request.method === 'HEAD') response.writeHead(200, STREAM_HEADERS).end()
      else if (session !== '' && request.method === 'POST')
        await this.#receive(request, response, session, url.searchParams, host)
      else if (session !== '' && request.method === 'DELETE')
        await this.#leave(request, response, session, host)
      else throw new RookeryError('not_found', `This path does not support ${request.method}`)
    })
  }

  async stop(): Promise<void> {
    const ended = [...this.#peers.values()].map((peer) => {
      peer.downlink.limitWait(this.#settings.closeTimeout)
      return peer.ended
    })
    await Promise.all([...ended, this.#forwardedRequests.stop(), this.#forwarder.stop()])
  }

  /**
   * Passes a request to its session, on this node or another. Counts a refusal.
   *
   * @throws `unknown_session`, `cluster_unavailable`, `node_unreachable`, `rate_limited`, or what `act` throws
   */
  async #atSession(
    session: string,
    request: IncomingMessage,
    host: TransportHost,
    act: (endpoint: SessionEndpoint) => void | Promise<void>,
  ): Promise<void> {
    try {
      let endpoint: SessionEndpoint | undefined = this.#peers.get(session)
      if (!endpoint) {
        const owner = await host.ownerOf(session, this.#http().addressOf(request))
        endpoint = this.#forwarder.endpointOf(session, owner)
      }
      await act(endpoint)
    } catch (error) {
      if (error instanceof RookeryError) host.count(error)
      throw error
    }
  }

  async #stream(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
    host: TransportHost,
  ): Promise<void> {
    const id = query.get('session')
    const once = query.get('mode') === 'poll'
    if (id === null) {
      await this.#open(request, response, query, host)
    } else {
      const received = Number(query.get('received') ?? Number.NaN)
      await this.#atSession(id, request, host, (endpoint) => {
        if (!Number.isSafeInteger(received)) throw new RookeryError('unknown_session')
        return endpoint.stream(response, received, once)
      })
    }
  }

  async #open(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
    host: TransportHost,
  ): Promise<void> {
    const { maxBuffered, handshakeTimeout } = host.limits
    const settings = { ...this.#settings, maxKeptBytes: maxBuffered, welcomeTimeout: handshakeTimeout }
    const resumption = RESUMPTIONS.get(query.get('resume')) ?? 'none'
    const once = query.get('mode') === 'poll'
    const peer = new Peer(settings, resumption)
    const early = setTimeout(() => {
      if (resumption !== 'none' && !once) beginStream(response, once)
    }, EARLY_BEGIN_MS)
    const address = this.#http().addressOf(request)
    const open = () => host.open(handshakeOf(address, request, query, host), peer.downlink)
    let session: PeerSession
    try {
      session = await host.begin(address, open)
    } catch (error) {
      refuse(error, request, response)
      return
    } finally {
      clearTimeout(early)
    }
    const { id } = session
    this.#peers.set(id, peer)
    void peer.ended.then(() => this.#peers.delete(id))
    peer.begin(session, response, once)
  }

  async #leave(
    request: IncomingMessage,
    response: ServerResponse,
    session: string,
    host: TransportHost,
  ): Promise<void> {
    await this.#atSession(session, request, host, (endpoint) => endpoint.leave())
    response.writeHead(204).end()
  }

  async #receive(
    request: IncomingMessage,
    response: ServerResponse,
    session: string,
    query: URLSearchParams,
    host: TransportHost,
  ): Promise<void> {
    await this.#atSession(session, request, host, async (endpoint) => {
      const received = numberIn(query, 'received')
      const from = numberIn(query, 'from')
      // A page of another origin cannot send this content type without a preflight.
      if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
        throw new RookeryError('unsupported_media_type', "The content type must be 'application/json'")
      }
      const body = await readBody(request, host.limits)
      const frames = parseFrames(body, host.limits)
      const next = await endpoint.receive({ frames, bytes: body.length, received, from })
      answer(response, 200, { next })
    })
  }
}

/** @throws `bad_frame`, which it counts */
const handshakeOf = (
  address: string,
  request: IncomingMessage,
  query: URLSearchParams,
  host: TransportHost,
): Handshake => {
  const { headers } = request
  const handshake = { transport: 'sse', address, headers, query, topics: query.getAll('topic'), request }
  try {
    const since = sinceOf(headers, query)
    return since === undefined ? handshake : { ...handshake, since }
  } catch (error) {
    host.count(error as RookeryError)
    throw error
  }
}

/** What the values of the query parameter `resume` mean. */
const RESUMPTIONS: ReadonlyMap<string | null, Resumption> = new Map([
  ['1', 'resume'],
  ['ack', 'ack'],
])

/** Reads an optional number of a query, 0 if there is none. @throws `bad_frame` */
const numberIn = (query: URLSearchParams, name: string): number => {
  const number = Number(query.get(name) ?? 0)
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw new RookeryError('bad_frame', `Query parameter ${name} must be a whole number from 0`)
}

const answer = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

/**
 * Answers a stream request whose session could not be opened, with the HTTP status of the error. An `EventSource`
 * does not reconnect after an error status: if it may come back, it gets a stream that ends at once. A stream that has
 * begun already ends with a `close` frame.
 */
const refuse = (failure: unknown, request: IncomingMessage, response: ServerResponse): void => {
  const error = codedError(failure) ?? new RookeryError('internal')
  const frame = closeFrame(error)
  const { reconnectAfter } = frame.message as CloseFrame
  if (response.headersSent) response.end(eventOf(frame))
  else if (reconnectAfter !== null && request.headers.accept?.includes('text/event-stream')) {
    response.writeHead(200, STREAM_HEADERS)
    response.end(`retry: ${reconnectAfter}\n${eventOf(frame)}`)
  } else {
    answer(response, error.status, { error: error.toJSON(), reconnectAfter })
  }
}
