import type { Answers, Question } from '../../core/cluster/cluster.ts'
import { RookeryError, type WireError } from '../../core/protocol/errors.ts'
import { stringify } from '../../core/protocol/stringify.ts'
import { AnswerBarrier } from './answer-barrier.ts'
import type { Envelope } from './envelope.ts'
import type { NodeChannel } from './node-channel.ts'
import { NODE_ADDRESS_PREFIX, PendingRequest } from './pending-request.ts'

/** Time that a request waits for answers if it does not set a timeout. */
export const REQUEST_TIMEOUT_MS = 1000

export interface ResponseHeader {
  readonly error?: WireError
}

/** The parts of the node that requests need. */
export interface RequestClientHost {
  /** The beginning of the subjects at which replies arrive. */
  readonly inbox: string
  /** Returns the subject of an address. */
  readonly subject: (address: string) => string
  /** Returns the other nodes in the cluster. */
  readonly otherNodes: () => readonly string[]
  /** Sends a barrier to all nodes. */
  readonly sendBarrier: (reply: string) => unknown
}

/** Sends questions to other nodes as NATS requests, and collects the answers. */
export class RequestClient {
  readonly #channel: NodeChannel
  readonly #host: RequestClientHost
  readonly #pending = new Map<string, PendingRequest>()
  readonly #barrier: AnswerBarrier
  #sequence = 0

  constructor(channel: NodeChannel, host: RequestClientHost) {
    this.#channel = channel
    this.#host = host
    this.#barrier = new AnswerBarrier(
      () => ++this.#sequence,
      (id) => host.sendBarrier(`${host.inbox}.fence.${id}`),
    )
  }

  /** @throws `cluster_unavailable`, `payload_too_large`, `unserializable` */
  async ask(question: Question): Promise<Answers> {
    const { to, method, payload, timeout = REQUEST_TIMEOUT_MS } = question
    const { connection } = this.#channel
    if (!connection.connected) throw new RookeryError('cluster_unavailable')
    const nodes = to.startsWith(NODE_ADDRESS_PREFIX)
      ? [to.slice(NODE_ADDRESS_PREFIX.length)]
      : this.#host.otherNodes()
    if (nodes.length === 0) return { items: [], missing: [] }
    const sequence = ++this.#sequence
    const id = String(sequence)
    const text = this.#channel.encode({ method, timeout }, stringify(payload))
    const request = new PendingRequest(sequence, nodes, question, (waiter) => this.#barrier.add(waiter))
    this.#pending.set(id, request)
    const timer = setTimeout(() => request.timedOut(), timeout)
    try {
      const sent = connection.publish(this.#host.subject(to), text, `${this.#host.inbox}.answer.${id}`)
      if (!sent) throw new RookeryError('cluster_unavailable')
      return await request.answers
    } finally {
      clearTimeout(timer)
      this.#pending.delete(id)
      this.#barrier.remove(request)
    }
  }

  /** Takes the answer of a node. */
  answered(id: string, { node, header, payload }: Envelope<ResponseHeader>): void {
    const value = payload === undefined ? undefined : JSON.parse(payload)
    this.#pending.get(id)?.answered(header?.error ? { node, error: header.error } : { node, value })
  }

  /** Takes the message of NATS that no node subscribes to the address of a request. */
  noResponders(id: string): void {
    this.#pending.get(id)?.noResponders()
  }

  /** Takes the copy of a request that came back to this node. @param reply the subject for its answers */
  echoed(reply: string | undefined): void {
    this.#pending.get(reply?.split('.').at(-1) ?? '')?.echoed()
  }

  /** Takes the answer of a node to a barrier. */
  barrierPassed(id: string, node: string): void {
    this.#barrier.passed(id, node)
  }

  /** Rejects all pending requests, because the connection is lost or closed. */
  fail(error: RookeryError): void {
    this.#barrier.clear()
    for (const request of this.#pending.values()) request.fail(error)
  }
}
