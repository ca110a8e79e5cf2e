import { createHmac, randomBytes } from 'node:crypto'
// Before this module creates errors with the messages of the table.
import '../protocol/error-table.ts'
import { RookeryError } from '../protocol/errors.ts'
import { isEqualInConstantTime } from '../util/constant-time.ts'
import type { Nodes } from './nodes.ts'

/** Name of the question to a node for the key of its session ids. */
const METHOD = 'session.key'

/**
 * How long a node may take to tell its key, in milliseconds. A request for a stream must fail before its client takes the
 * silence of a second for a proxy that holds streams back.
 */
const KEY_WAIT_MS = 800

/** Bytes of the key of a node. */
const KEY_BYTES = 32

/** Random bytes of a session id, which make it unguessable also for a program that knows the key. */
const RANDOM_BYTES = 16

/** Bytes of the signature of a session id. A longer digest is cut off. */
const SIGNATURE_BYTES = 16

/** A session id: the id of its node, and the random bytes and the signature as 22 characters of base64url each. */
const SESSION_ID = /^((\w+)-[\w-]{22})([\w-]{22})$/

/** Shared instances: creating an Error with a stack for each refusal is the expensive part of a flood. */
const FORGED = new RookeryError('unknown_session')
const GONE = new RookeryError('unknown_session')

/** Whether an error of `SessionIds.ownerOf` says that no node has given the id. */
export const isForged = (error: unknown): boolean => error === FORGED

/**
 * Creates session ids and finds their nodes. A session id names its node and has a signature (HMAC-SHA-256) by the key
 * of that node. So any node can check an id that a client has sent before it passes a request on. A node makes its key
 * when it starts, and tells it to the nodes that ask; nodes trust each other.
 *
 * `node:crypto` signs in the call, in a few microseconds. WebCrypto starts a job in another thread for each signature, which
 * took a fifth of the time in which a session opens.
 */
export class SessionIds {
  readonly #nodes: Nodes
  readonly #key = randomBytes(KEY_BYTES)
  /** The keys of other nodes that are in the cluster. */
  readonly #keys = new Map<string, Promise<Buffer>>()

  constructor(nodes: Nodes) {
    this.#nodes = nodes
    nodes.answer(METHOD, (_payload, from) => {
      if (from === null) throw new RookeryError('forbidden')
      return this.#key.toString('base64url')
    })
    nodes.onChange((node, change) => {
      if (change === 'left') this.#keys.delete(node)
    })
  }

  /** Returns the id of a new session of this node. */
  create(): string {
    const name = `${this.#nodes.node}-${randomBytes(RANDOM_BYTES).toString('base64url')}`
    return name + signatureOf(name, this.#key)
  }

  /**
   * Returns the node that has given a session id. The session may have ended.
   *
   * @throws `unknown_session` if no node of the cluster has given the id, `cluster_unavailable` if this node is cut off,
   *   `node_unreachable` if the node does not tell its key
   */
  async ownerOf(id: string): Promise<string> {
    const [, name, node, signature] = SESSION_ID.exec(id) ?? []
    if (name === undefined || node === undefined || signature === undefined) throw FORGED
    const expected = signatureOf(name, await this.#keyOf(node))
    if (!isEqualInConstantTime(expected, signature)) throw FORGED
    return node
  }

  async #keyOf(node: string): Promise<Buffer> {
    const nodes = this.#nodes
    if (node === nodes.node) return this.#key
    if (!nodes.nodes().includes(node)) throw nodes.connected ? GONE : new RookeryError('cluster_unavailable')
    const known = this.#keys.get(node)
    if (known) return await known
    const key = this.#ask(node)
    this.#keys.set(node, key)
    // The next request asks again.
    key.catch(() => this.#keys.get(node) === key && this.#keys.delete(node))
    return await key
  }

  async #ask(node: string): Promise<Buffer> {
    const key = await this.#nodes.askNode(node, METHOD, undefined, KEY_WAIT_MS)
    return Buffer.from(String(key), 'base64url')
  }
}

const signatureOf = (name: string, key: Buffer): string =>
  createHmac('sha256', key).update(name).digest().toString('base64url', 0, SIGNATURE_BYTES)
