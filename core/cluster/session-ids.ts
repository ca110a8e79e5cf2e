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
 */
export class SessionIds {
  readonly #nodes: Nodes
  readonly #keyBytes = randomBytes(KEY_BYTES)
  readonly #key = importKey(this.#keyBytes)
  /** The keys of other nodes that are in the cluster. */
  readonly #keys = new Map<string, Promise<CryptoKey>>()

  constructor(nodes: Nodes) {
    this.#nodes = nodes
    nodes.answer(METHOD, (_payload, from) => {
      if (from === null) throw new RookeryError('forbidden')
      return this.#keyBytes.toString('base64url')
    })
    nodes.onChange((node, change) => {
      if (change === 'left') this.#keys.delete(node)
    })
  }

  /** Returns the id of a new session of this node. */
  async create(): Promise<string> {
    const name = `${this.#nodes.node}-${randomBytes(RANDOM_BYTES).toString('base64url')}`
    return name + (await signatureOf(name, await this.#key))
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
    const expected = await signatureOf(name, await this.#keyOf(node))
    if (!isEqualInConstantTime(expected, signature)) throw FORGED
    return node
  }

  async #keyOf(node: string): Promise<CryptoKey> {
    const nodes = this.#nodes
    if (node === nodes.node) return await this.#key
    if (!nodes.nodes().includes(node)) throw nodes.connected ? GONE : new RookeryError('cluster_unavailable')
    const known = this.#keys.get(node)
    if (known) return await known
    const key = this.#ask(node)
    this.#keys.set(node, key)
    // The next request asks again.
    key.catch(() => this.#keys.get(node) === key && this.#keys.delete(node))
    return await key
  }

  async #ask(node: string): Promise<CryptoKey> {
    const key = await this.#nodes.askNode(node, METHOD, undefined, KEY_WAIT_MS)
    return await importKey(Buffer.from(String(key), 'base64url'))
  }
}

const randomBytes = (count: number): Buffer<ArrayBuffer> => crypto.getRandomValues(Buffer.alloc(count))

const importKey = (bytes: Buffer<ArrayBuffer>): Promise<CryptoKey> =>
  crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])

const signatureOf = async (name: string, key: CryptoKey): Promise<string> => {
  const digest = await crypto.subtle.sign('HMAC', key, Buffer.from(name))
  return Buffer.from(digest, 0, SIGNATURE_BYTES).toString('base64url')
}
