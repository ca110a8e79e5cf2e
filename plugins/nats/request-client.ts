import type { Answers, Question } from '../../core/cluster/cluster.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { stringify } from '../../core/protocol/stringify.ts'
import type { Envelope } from './envelope.ts'
import type { NodeChannel } from './node-channel.ts'
import { PendingRequest } from './pending-request.ts'
import { REQUEST_TIMEOUT_MS, type RequestHeader, type ResponseHeader } from './request-header.ts'
import { nodeOf, requestSubject, subjectOf } from './subjects.ts'

/** The parts of the node that requests need. */
export interface RequestClientHost {
  /** The beginning of all subjects. */
  readonly prefix: string
  /** The beginning of the subjects at which replies arrive. */
  readonly inbox: string
  /** Returns the other nodes in the cluster. */
  readonly otherNodes: () => readonly string[]
}

interface Pending {
  readonly request: PendingRequest
  /** Whether a node without a subscription counts as missing. If not, it has no session at the address. */
  readonly toNodes: boolean
}

/**
 * Sends questions to other nodes as NATS requests, and collects the answers.
 *
 * Each node has subjects of its own for the addresses of its sessions, and gets a message of its own. NATS itself
 * answers for a node without a subscription to the subject. So the nodes that have to answer are known after one round
 * trip to NATS, and a node that is busy delays only questions to its own sessions.
 */
export class RequestClient {
  readonly #channel: NodeChannel
  readonly #host: RequestClientHost
  readonly #pending = new Map<string, Pending>()
  #count = 0

  constructor(channel: NodeChannel, host: RequestClientHost) {
    this.#channel = channel
    this.#host = host
  }

  /** @throws `cluster_unavailable`, `payload_too_large`, `unserializable` */
  async ask(question: Question): Promise<Answers> {
    const { to, method, payload, timeout = REQUEST_TIMEOUT_MS, thorough = false } = question
    const { connection, node: self } = this.#channel
    if (!connection.connected) throw new RookeryError('cluster_unavailable')
    const { prefix, inbox } = this.#host
    const one = nodeOf(to)
    // A node does not ask itself, and ids with other characters cannot be part of a subject.
    if (one === self || /\W/.test(one ?? '')) return { items: [], missing: [one as string] }
    const nodes = one === undefined ? this.#host.otherNodes() : [one]
    if (nodes.length === 0) return { items: [], missing: [] }
    const toEach = one === undefined && thorough
    const header: RequestHeader = { method, timeout, ...(toEach && { to }) }
    const text = this.#channel.encode(header, stringify(payload))
    const subjectFor = (node: string) => {
      if (toEach) return subjectOf(prefix, `$node/${node}`)
      return one === undefined ? requestSubject(prefix, node, to) : subjectOf(prefix, to)
    }
    const id = String(++this.#count)
    const request = new PendingRequest(nodes)
    this.#pending.set(id, { request, toNodes: toEach || to.startsWith('$node/') })
    const timer = setTimeout(() => request.timedOut(), timeout)
    try {
      const unsent = nodes.filter(
        (node) => !connection.publish(subjectFor(node), text, `${inbox}.answer.${id}.${node}`),
      )
      if (unsent.length === nodes.length) throw new RookeryError('cluster_unavailable')
      for (const node of unsent) request.unreachable(node)
      return await request.answers
    } finally {
      clearTimeout(timer)
      this.#pending.delete(id)
    }
  }

  /** Takes the answer of a node. */
  answered(id: string, { node, header, payload }: Envelope<ResponseHeader>): void {
    const request = this.#pending.get(id)?.request
    if (header?.unconcerned) request?.unconcerned(node)
    else if (header?.error) request?.answered({ node, error: header.error })
    else request?.answered({ node, value: payload === undefined ? undefined : JSON.parse(payload) })
  }

  /** Takes the message of NATS that a node does not subscribe to the subject of a request. */
  noResponder(id: string, node: string): void {
    const pending = this.#pending.get(id)
    if (pending?.toNodes) pending.request.unreachable(node)
    else pending?.request.unconcerned(node)
  }

  /** Ends the wait for a node that has left. */
  nodeLeft(node: string): void {
    for (const { request } of this.#pending.values()) request.unreachable(node)
  }

  /** Rejects all pending requests, because the connection is lost or closed. */
  fail(error: RookeryError): void {
    for (const { request } of this.#pending.values()) request.fail(error)
  }
}
