import type { Nodes } from '../../core/cluster/nodes.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { UplinkFrame } from './uplink.ts'

/** How a client wants to go on with a stream. */
export interface Resumption {
  readonly session: string
  /** How many frames it has got. */
  readonly received: number
  /** Whether its response ends with the first frames. */
  readonly once: boolean
}

/** What nodes ask each other, and what the answers are. A stream has an id of its own, made where its response is. */
export interface Questions {
  /** To the owner of a session: takes frames. */
  'sse.receive': [{ session: string; frames: readonly UplinkFrame[]; bytes: number }, { next: number }]
  /** To the owner: its client leaves. */
  'sse.leave': [{ session: string }, unknown]
  /** To the owner: its client goes on with a stream at the node that asks. */
  'sse.attach': [Resumption & { stream: string }, unknown]
  /** To the owner: the response of a stream has closed. */
  'sse.broken': [{ stream: string }, unknown]
  /** From the owner: writes to a response; answered with whether the kernel has everything. */
  'sse.write': [{ stream: string; text: string }, boolean]
  /** From the owner: ends a response, at once or when what was written has left. */
  'sse.end': [{ stream: string; atOnce: boolean }, unknown]
}

/** Milliseconds that a response may take to hand a text to the kernel, before the owner is told to go on waiting. */
export const WRITE_PATIENCE = 1_000

/**
 * Milliseconds to wait for answers. A client's request for a stream must fail before the client takes silence for the
 * work of a proxy; a node that says nothing for 6 s has left the cluster anyway.
 */
const TIMEOUTS: Readonly<Record<keyof Questions, number>> = {
  'sse.receive': 5_000,
  'sse.leave': 5_000,
  'sse.attach': 800,
  'sse.broken': 800,
  'sse.write': WRITE_PATIENCE + 2_000,
  'sse.end': 800,
}

/** Asks another node. @throws `node_unreachable`, `cluster_unavailable`, or what the node throws */
export const ask = async <M extends keyof Questions>(
  nodes: Nodes,
  node: string,
  method: M,
  payload: Questions[M][0],
): Promise<Questions[M][1]> => await nodes.askNode(node, method, payload, TIMEOUTS[method])

/** Answers other nodes, and nobody else who may speak to the cluster. */
export const answer = <M extends keyof Questions>(
  nodes: Nodes,
  method: M,
  answerer: (payload: Questions[M][0], from: string) => Questions[M][1] | Promise<Questions[M][1]>,
): void => {
  nodes.answer(method, (payload, from) => {
    if (from === null) throw new RookeryError('forbidden')
    return answerer(payload as Questions[M][0], from)
  })
}
