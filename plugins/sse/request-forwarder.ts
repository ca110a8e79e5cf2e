import type { ServerResponse } from 'node:http'
import type { Nodes } from '../../core/cluster/nodes.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { HeldResponse } from './forwarded-response.ts'
import { answer, ask, type Resumption, WRITE_PATIENCE } from './forwarding-protocol.ts'
import type { Reachable } from './peer.ts'
import { ResponseStream } from './response-stream.ts'

export interface RelaySettings {
  /** Milliseconds between two comments. */
  readonly heartbeat: number
  /** Milliseconds for what is buffered to leave when a stream is closed. */
  readonly closeTimeout: number
}

/** Passes requests on to the nodes that own their sessions, and holds the responses that those nodes write to. */
export class Relay {
  readonly #nodes: Nodes
  readonly #settings: RelaySettings
  readonly #held = new Map<string, HeldResponse>()
  readonly #unhook: () => void
  #stopping = false

  constructor(nodes: Nodes, settings: RelaySettings) {
    this.#nodes = nodes
    this.#settings = settings
    answer(nodes, 'sse.write', async ({ stream, text }, from) => {
      // The owner may write before its answer to the request has come.
      const response = await this.#find(stream, from).opened
      return await response.writeText(text, WRITE_PATIENCE)
    })
    answer(nodes, 'sse.end', ({ stream, atOnce }, from) =>
      this.#find(stream, from).end(atOnce ? 0 : settings.closeTimeout),
    )
    this.#unhook = nodes.onChange((node, change) => {
      // What was said while the owner was cut off may have been lost: its client has to come back for it.
      if (change === 'joined') return
      for (const held of this.#held.values()) if (held.owner === node) held.lost(change === 'left')
    })
  }

  /**
   * A session of another node.
   *
   * @throws `unknown_session` when no node that is there can own it, `cluster_unavailable` when this node is cut off
   */
  reach(session: string): Reachable {
    const owner = this.#ownerOf(session)
    return {
      stream: (response, received, once) => this.#hold(owner, { session, received, once }, response),
      receive: async (frames, bytes) =>
        (await ask(this.#nodes, owner, 'sse.receive', { session, frames, bytes })).next,
      leave: async () => void (await ask(this.#nodes, owner, 'sse.leave', { session })),
    }
  }

  /** Ends the responses, whose clients then go on elsewhere. */
  async stop(): Promise<void> {
    this.#stopping = true
    const held = [...this.#held.values()]
    for (const response of held) response.interrupt(this.#settings.closeTimeout)
    await Promise.all(held.map(({ ended }) => ended))
    this.#unhook()
  }

  #ownerOf(session: string): string {
    const [, node] = /^(\w+)-/.exec(session) ?? []
    if (node === undefined || node === this.#nodes.node) throw new RookeryError('unknown_session')
    if (this.#nodes.nodes().includes(node)) return node
    throw new RookeryError(this.#nodes.connected ? 'unknown_session' : 'cluster_unavailable')
  }

  async #hold(owner: string, resumption: Resumption, response: ServerResponse): Promise<void> {
    if (this.#stopping) throw new RookeryError('shutting_down')
    // Who does not know it cannot write to somebody else's stream.
    const stream = crypto.randomUUID()
    const held = new HeldResponse(owner, {
      attached: ask(this.#nodes, owner, 'sse.attach', { ...resumption, stream }),
      open: (closed) => new ResponseStream(response, this.#settings.heartbeat, resumption.once, closed),
      broken: () => ask(this.#nodes, owner, 'sse.broken', { stream }),
    })
    this.#held.set(stream, held)
    void held.ended.then(() => this.#held.delete(stream))
    await held.opened
  }

  #find(stream: string, owner: string): HeldResponse {
    const held = this.#held.get(stream)
    if (held?.owner !== owner) throw new RookeryError('disconnected')
    return held
  }
}
