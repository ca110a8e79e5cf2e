import type { ServerResponse } from 'node:http'
import type { Nodes } from '../../core/cluster/nodes.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { ForwardedResponse } from './forwarded-response.ts'
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

  /**
   * Forwards the requests for a session of another node.
   *
   * @throws `unknown_session` when no node of the cluster can own it, `cluster_unavailable` when this node is cut off
   */
  endpointOf(session: string): SessionEndpoint {
    const owner = this.#ownerOf(session)
    return {
      stream: (response, received, once) => this.#stream(owner, { session, received, once }, response),
      receive: async (request) =>
        (await ask(this.#nodes, owner, 'sse.receive', { session, ...request })).next,
      leave: async () => void (await ask(this.#nodes, owner, 'sse.leave', { session })),
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

  #ownerOf(session: string): string {
    const [, node] = /^(\w+)-/.exec(session) ?? []
    if (node === undefined || node === this.#nodes.node) throw new RookeryError('unknown_session')
    if (this.#nodes.nodes().includes(node)) return node
    throw new RookeryError(this.#nodes.connected ? 'unknown_session' : 'cluster_unavailable')
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
