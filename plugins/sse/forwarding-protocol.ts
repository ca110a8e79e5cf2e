import type { Nodes } from '../../core/cluster/nodes.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { UplinkRequest } from './session-endpoint.ts'

/** A client's request to resume the stream of its session. */
export interface ResumeRequest {
  readonly session: string
  /** Number of frames that the client has received. */
  readonly received: number
  /** Whether the response ends with the first frames. */
  readonly once: boolean
}

/**
 * What nodes ask each other to forward requests: the payload and the answer of each method. The entry node is the
 * node that a client's request has reached; the owner is the node that has the session. The entry node gives each
 * stream an id.
 */
export interface ForwardingProtocol {
  /** To the owner: apply frames. */
  'sse.receive': [UplinkRequest & { session: string }, { next: number }]
  /** To the owner: end the session, its client leaves. */
  'sse.leave': [{ session: string }, unknown]
  /** To the owner: attach a response of the entry node to the session. */
  'sse.attach': [ResumeRequest & { stream: string }, unknown]
  /** To the owner: the response of a stream has closed. */
  'sse.broken': [{ stream: string }, unknown]
  /** To the entry node: write to a response. The answer says whether the kernel has taken all bytes. */
  'sse.write': [{ stream: string; text: string }, boolean]
  /** To the entry node: end a response, at once or when the buffered bytes have left. */
  'sse.end': [{ stream: string; atOnce: boolean }, unknown]
}

/** Longest wait of the entry node for the kernel to take a text, before it answers that bytes still wait, in ms. */
export const KERNEL_WAIT_MS = 1_000

/**
 * Longest wait for an answer, in ms. A request for a stream must fail before its client takes the silence for a proxy
 * that holds streams back. A node that is silent for 6 s has left the cluster.
 */
const ANSWER_WAIT_MS: Readonly<Record<keyof ForwardingProtocol, number>> = {
  'sse.receive': 5_000,
  'sse.leave': 5_000,
  'sse.attach': 800,
  'sse.broken': 800,
  'sse.write': KERNEL_WAIT_MS + 2_000,
  'sse.end': 800,
}

/** Asks another node. @throws `node_unreachable`, `cluster_unavailable`, or what the node throws */
export const ask = async <M extends keyof ForwardingProtocol>(
  nodes: Nodes,
  node: string,
  method: M,
  payload: ForwardingProtocol[M][0],
): Promise<ForwardingProtocol[M][1]> => await nodes.askNode(node, method, payload, ANSWER_WAIT_MS[method])

/** Answers other nodes. Other programs that are connected to the cluster get `forbidden`. */
export const answer = <M extends keyof ForwardingProtocol>(
  nodes: Nodes,
  method: M,
  answerer: (
    payload: ForwardingProtocol[M][0],
    from: string,
  ) => ForwardingProtocol[M][1] | Promise<ForwardingProtocol[M][1]>,
): void => {
  nodes.answer(method, (payload, from) => {
    if (from === null) throw new RookeryError('forbidden')
    return answerer(payload as ForwardingProtocol[M][0], from)
  })
}
