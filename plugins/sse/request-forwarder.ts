import type { ServerResponse } from 'node:http'
import type { Nodes } from '../../core/cluster/nodes.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Limits } from '../../core/sessions/limits.ts'
import { ForwardedResponse } from './forwarded-response.ts'
import { ForwardingLimits } from './forwarding-limits.ts'
import { answer, ask, KERNEL_WAIT_MS, type ResumeRequest } from './forwarding-protocol.ts'
import { ResponseStream } from './response-stream.ts'
import type { SessionEndpoint } from './session-endpoint.ts'

export interface RequestForwarderSettings {
  /** Milliseconds between two comments. */
  readonly heartbeat: number
  /** Milliseconds for buffered bytes to leave when a stream is closed. */
  readonly closeTimeout: number
}

/** Forwards requests to the nodes that own their sessions, and holds the responses that those nodes write to. */
export class RequestForwarder {
  readonly #nodes: Nodes
  readonly #settings: RequestForwarderSettings
  readonly #responses = new Map<string, ForwardedResponse>()
  readonly #removeHook: () => void
  #limits!: ForwardingLimits
  #stopping = false

  constructor(nodes: Nodes, settings: RequestForwarderSettings) {
    this.#nodes = nodes
    this.#settings = settings
    answer(nodes, 'sse.write', async ({ stream, text }, from) => {
      // The owner may write before its answer to `sse.attach` has arrived.
      const response = await this.#find(stream, from).opened
      return await response.writeText(text, KERNEL_WAIT_MS)
    })
    answer(nodes, 'sse.end', ({ stream, atOnce }, from) =>
      this.#find(stream, from).end(atOnce ? 0 : settings.closeTimeout),
    )
    this.#removeHook = nodes.onChange((node, change) => {
      if (change === 'joined') return
      // Text that the owner sent while it was cut off may be lost: the client has to resume.
      for (const response of this.#responses.values()) {
        if (response.owner === node) response.drop(change === 'left')
      }
    })
  }

  /** Sets the limits of the app. Call it before the first request. */
  start(limits: Limits): void {
    this.#limits = new ForwardingLimits(limits)
  }

  /**
   * Forwards the requests for a session to its owner. Each may throw `rate_limited`, `node_unreachable` or
   * `cluster_unavailable`, too.
   *
   * @throws `unknown_session` when this node is the owner: it has no such session
   */
  endpointOf(session: string, owner: string): SessionEndpoint {
    if (owner === this.#nodes.node) throw new RookeryError('unknown_session')
    const forward = <T>(bytes: number, act: () => Promise<T>) =>
      this.#limits.forward(owner, session, bytes, act)
    return {
      stream: (response, received, once) =>
        forward(0, () => this.#stream(owner, { session, received, once }, response)),
      receive: async (request) => {
        const asked = () => ask(this.#nodes, owner, 'sse.receive', { session, ...request })
        return (await forward(request.bytes, asked)).next
      },
      leave: async () => void (await forward(0, () => ask(this.#nodes, owner, 'sse.leave', { session }))),
    }
  }

  /** Ends the responses. Their clients resume at other nodes. */
  async stop(): Promise<void> {
    this.#stopping = true
    const responses = [...this.#responses.values()]
    for (const response of responses) response.interrupt(this.#settings.closeTimeout)
    await Promise.all(responses.map(({ ended }) => ended))
    this.#removeHook()
  }

  async #stream(owner: string, resume: ResumeRequest, response: ServerResponse): Promise<void> {
    if (this.#stopping) throw new RookeryError('shutting_down')
    // Random, so that a stream's id cannot be guessed.
    const stream = crypto.randomUUID()
    const forwarded = new ForwardedResponse(owner, {
      attached: ask(this.#nodes, owner, 'sse.attach', { ...resume, stream }),
      open: (closed) => new ResponseStream(response, this.#settings.heartbeat, resume.once, closed),
      reportClosed: () => ask(this.#nodes, owner, 'sse.broken', { stream }),
    })
    this.#responses.set(stream, forwarded)
    void forwarded.ended.then(() => this.#responses.delete(stream))
    await forwarded.opened
  }

  #find(stream: string, owner: string): ForwardedResponse {
    const response = this.#responses.get(stream)
    if (response?.owner !== owner) throw new RookeryError('disconnected')
    return response
  }
}
