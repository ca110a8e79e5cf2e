import type { Msg, Subscription } from '@nats-io/transport-node'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { type Envelope, isSealed, NODE_PROTOCOL, open, seal } from './envelope.ts'
import type { Link } from './managed-connection.ts'

/** Most foreign nodes that are remembered as reported. */
const REPORTED = 100

/** What has come: the message of another node, or a text of somebody outside the cluster. */
export type Heard<N> = { readonly from: Envelope<N> } | { readonly text: string }

/** How a node speaks to others, and understands them. */
export class Voice {
  readonly node: string
  readonly link: Link
  readonly #log: Logger
  readonly #foreign = new Set<string>()
  #count = 0

  constructor(node: string, link: Link, log: Logger) {
    this.node = node
    this.link = link
    this.#log = log
  }

  /** An id that no other message of this node has. */
  nextId(): string {
    this.#count++
    return String(this.#count)
  }

  /** Seals a message. @throws `payload_too_large` */
  seal(note: object | undefined, payload: string | undefined): string {
    const text = seal(this.node, this.nextId(), note, payload)
    const { maxPayload } = this.link
    // A UTF-16 unit takes at most three bytes, so short texts need no counting.
    if (text.length * 3 > maxPayload && Buffer.byteLength(text) > maxPayload) {
      throw new RookeryError('payload_too_large', `NATS takes ${maxPayload} bytes in one message`)
    }
    return text
  }

  /** Sends a message; what cannot be sent is reported. Returns whether it was sent, to each subject. */
  say(subjects: readonly string[], note: object | undefined, payload?: string, reply?: string): boolean {
    try {
      const text = this.seal(note, payload)
      return subjects.map((subject) => this.link.publish(subject, text, reply)).every(Boolean)
    } catch (error) {
      this.fail(error, subjects[0] as string)
      return false
    }
  }

  /** Subscribes to a subject, for a queue group or for this node alone; what the callback throws is reported. */
  listen(subject: string, callback: (message: Msg) => void, queue?: string): Subscription | undefined {
    const guarded = (message: Msg) => {
      try {
        callback(message)
      } catch (error) {
        this.fail(error, message.subject)
      }
    }
    return this.link.subscribe(subject, guarded, queue)
  }

  /**
   * Understands a message; nothing when it is one that nobody here can understand, or this node's own.
   *
   * @param own whether this node's own messages are heard, too
   */
  hear<N>(message: Msg, own = false): Heard<N> | undefined {
    const text = message.string()
    if (!isSealed(text)) return { text }
    try {
      const from = open<N>(text)
      if (from.node === this.node && !own) return undefined
      if ('id' in from) return { from }
      this.#reportForeign(from.node, from.version)
    } catch (error) {
      this.fail(error, message.subject)
    }
    return undefined
  }

  fail(error: unknown, subject: string): void {
    this.#log.error(
      { err: error, subject, stage: 'nats' },
      'a message could not cross to or from other nodes',
    )
  }

  /** Once for each node: it says something every two seconds. */
  #reportForeign(node: string, version: string): void {
    if (this.#foreign.has(node) || this.#foreign.size >= REPORTED) return
    this.#foreign.add(node)
    this.#log.error(
      { node, version, own: NODE_PROTOCOL },
      'a node of another version is in this cluster and is ignored: run one version, or set another prefix',
    )
  }
}
