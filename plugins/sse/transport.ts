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
import { Peer, type PeerSettings } from './peer.ts'
import { RequestForwarder } from './request-forwarder.ts'
import type { SessionEndpoint } from './session-endpoint.ts'
import { parseFrames, readBody } from './uplink.ts'

export interface SseSettings extends Omit<PeerSettings, 'maxKeptBytes'> {
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
    this.#http().onRequest(path, async (request, response, url) => {
      const session = url.pathname.slice(path.length + 1)
      if (session === '' && request.method === 'GET')
        await this.#stream(request, response, url.searchParams, host)
      else if (session === '' && request.method === 'HEAD') response.writeHead(200, STREAM_HEADERS).end()
      else if (session !== '' && request.method === 'POST')
        await this.#receive(request, response, session, host)
      else if (session !== '' && request.method === 'DELETE') await this.#leave(response, session)
      else throw new RookeryError('not_found', `This path does not support ${request.method}`)
    })
  }

  async stop(): Promise<void> {
    const ended = [...this.#peers.values()].map((peer) => peer.ended)
    await Promise.all([...ended, this.#forwardedRequests.stop(), this.#forwarder.stop()])
  }

  /** Finds a session on this node or another. @throws `unknown_session`, `cluster_unavailable` */
  #endpointOf(session: string): SessionEndpoint {
    return this.#peers.get(session) ?? this.#forwarder.endpointOf(session)
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
      if (!Number.isSafeInteger(received)) throw new RookeryError('unknown_session')
      await this.#endpointOf(id).stream(response, received, once)
    }
  }

  async #open(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
    host: TransportHost,
  ): Promise<void> {
    const settings = { ...this.#settings, maxKeptBytes: host.limits.maxBuffered }
    const peer = new Peer(settings, query.get('resume') === '1')
    const handshake = this.#handshakeOf(request, query)
    let session: PeerSession
    try {
      session = await host.begin(handshake.address, () => host.open(handshake, peer.downlink))
    } catch (error) {
      refuse(error, request, response)
      return
    }
    const { id } = session
    this.#peers.set(id, peer)
    void peer.ended.then(() => this.#peers.delete(id))
    peer.begin(session, response, query.get('mode') === 'poll')
  }

  async #leave(response: ServerResponse, session: string): Promise<void> {
    await this.#endpointOf(session).leave()
    response.writeHead(204).end()
  }

  async #receive(
    request: IncomingMessage,
    response: ServerResponse,
    session: string,
    host: TransportHost,
  ): Promise<void> {
    const endpoint = this.#endpointOf(session)
    // A page of another origin cannot send this content type without a preflight.
    if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
      throw new RookeryError('unsupported_media_type', "The content type must be 'application/json'")
    }
    const body = await readBody(request, host.limits)
    const next = await endpoint.receive(parseFrames(body, host.limits), body.length)
    answer(response, 200, { next })
  }

  #handshakeOf(request: IncomingMessage, query: URLSearchParams): Handshake {
    return {
      transport: 'sse',
      address: this.#http().addressOf(request),
      headers: request.headers,
      query,
      topics: query.getAll('topic'),
      request,
    }
  }
}

const answer = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

/**
 * Answers a stream request whose session could not be opened, with the HTTP status of the error. An `EventSource`
 * does not reconnect after an error status: if it may come back, it gets a stream that ends at once.
 */
const refuse = (failure: unknown, request: IncomingMessage, response: ServerResponse): void => {
  const error = codedError(failure) ?? new RookeryError('internal')
  const frame = closeFrame(error)
  const { reconnectAfter } = frame.message as CloseFrame
  if (reconnectAfter !== null && request.headers.accept?.includes('text/event-stream')) {
    response.writeHead(200, STREAM_HEADERS)
    response.end(`retry: ${reconnectAfter}\n${eventOf(frame)}`)
  } else {
    answer(response, error.status, { error: error.toJSON(), reconnectAfter })
  }
}
