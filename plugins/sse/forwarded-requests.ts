import type { Nodes } from '../../core/cluster/nodes.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { RelayedStream } from './forwarded-stream.ts'
import { answer, ask, type Questions } from './forwarding-protocol.ts'
import type { Peer } from './peer.ts'

interface Relayed {
  /** The node that holds the response. */
  readonly node: string
  readonly stream: RelayedStream
}

/** Does what clients of this node's sessions ask of other nodes. */
export class Owner {
  readonly #nodes: Nodes
  readonly #peers: ReadonlyMap<string, Peer>
  readonly #streams = new Map<string, Relayed>()
  readonly #unhook: () => void

  constructor(nodes: Nodes, peers: ReadonlyMap<string, Peer>) {
    this.#nodes = nodes
    this.#peers = peers
    // They stay when this node stops: until it has left the cluster it says that it has no such session.
    answer(nodes, 'sse.receive', ({ session, frames, bytes }) => ({
      next: this.#peer(session).receive(frames, bytes),
    }))
    answer(nodes, 'sse.leave', ({ session }) => this.#peer(session).leave())
    answer(nodes, 'sse.attach', (payload, from) => this.#attach(payload, from))
    answer(nodes, 'sse.broken', ({ stream }, from) => {
      const relayed = this.#streams.get(stream)
      if (relayed?.node === from) relayed.stream.lost()
    })
    this.#unhook = nodes.onChange((node, change) => {
      for (const relayed of [...this.#streams.values()]) {
        if (relayed.node !== node || change === 'joined') continue
        if (change === 'left') relayed.stream.lost()
        // What was said while the node was cut off may have been lost.
        else relayed.stream.destroy()
      }
    })
  }

  /** Resolves when no stream is left. All sessions have been closed before. */
  async stop(): Promise<void> {
    await Promise.all([...this.#streams.values()].map(({ stream }) => stream.ended))
    this.#unhook()
  }

  #peer(session: string): Peer {
    const peer = this.#peers.get(session)
    if (!peer) throw new RookeryError('unknown_session')
    return peer
  }

  #attach({ session, received, once, stream: id }: Questions['sse.attach'][0], node: string): void {
    const outlet = {
      write: (text: string) => ask(this.#nodes, node, 'sse.write', { stream: id, text }),
      end: (atOnce: boolean) => ask(this.#nodes, node, 'sse.end', { stream: id, atOnce }),
    }
    this.#peer(session).resume((closed) => {
      const stream = new RelayedStream(outlet, once, closed)
      this.#streams.set(id, { node, stream })
      void stream.ended.then(() => this.#streams.delete(id))
      return stream
    }, received)
  }
}
