import type { Nodes } from '../../core/cluster/nodes.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { ForwardedStream } from './forwarded-stream.ts'
import { answer, ask, type ForwardingProtocol } from './forwarding-protocol.ts'
import type { Peer } from './peer.ts'

interface RemoteStream {
  /** The node that holds the response. */
  readonly node: string
  readonly stream: ForwardedStream
}

/** Handles requests that other nodes forward to this one, because it owns the session. */
export class ForwardedRequests {
  readonly #nodes: Nodes
  readonly #peers: ReadonlyMap<string, Peer>
  readonly #streams = new Map<string, RemoteStream>()
  readonly #removeHook: () => void

  constructor(nodes: Nodes, peers: ReadonlyMap<string, Peer>) {
    this.#nodes = nodes
    this.#peers = peers
    // The answers stay registered when this node stops: until it has left the cluster it answers `unknown_session`.
    answer(nodes, 'sse.receive', ({ session, ...request }) => ({
      next: this.#peer(session).receive(request),
    }))
    answer(nodes, 'sse.leave', ({ session }) => this.#peer(session).leave())
    answer(nodes, 'sse.attach', (payload, from) => this.#attach(payload, from))
    answer(nodes, 'sse.broken', ({ stream }, from) => {
      const remote = this.#streams.get(stream)
      if (remote?.node === from) remote.stream.lost()
    })
    this.#removeHook = nodes.onChange((node, change) => {
      for (const remote of [...this.#streams.values()]) {
        if (remote.node !== node || change === 'joined') continue
        if (change === 'left') remote.stream.lost()
        // Text sent while the node was cut off may be lost: the client has to resume.
        else remote.stream.destroy()
      }
    })
  }

  /** Resolves when no stream is left. The app has closed all sessions before. */
  async stop(): Promise<void> {
    await Promise.all([...this.#streams.values()].map(({ stream }) => stream.ended))
    this.#removeHook()
  }

  #peer(session: string): Peer {
    const peer = this.#peers.get(session)
    if (!peer) throw new RookeryError('unknown_session')
    return peer
  }

  #attach({ session, received, once, stream: id }: ForwardingProtocol['sse.attach'][0], node: string): void {
    const response = {
      write: (text: string) => ask(this.#nodes, node, 'sse.write', { stream: id, text }),
      end: (atOnce: boolean) => ask(this.#nodes, node, 'sse.end', { stream: id, atOnce }),
    }
    this.#peer(session).resume((closed) => {
      const stream = new ForwardedStream(response, once, closed)
      this.#streams.set(id, { node, stream })
      void stream.ended.then(() => this.#streams.delete(id))
      return stream
    }, received)
  }
}
