import type { Msg, Subscription } from '@nats-io/transport-node'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { shortIds } from '../../core/util/short-ids.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, isEnvelope, NODE_PROTOCOL } from './envelope.ts'
import type { ManagedConnection } from './managed-connection.ts'

/** Most nodes of another protocol version that are reported. */
const MAX_REPORTED_NODES = 100
/** Most kinds of messages that are remembered as too large. */
const MAX_OVERSIZED_KINDS = 100

/** A received message: the envelope of a node, or the text that an external NATS client has published. */
export type Received<H> = { readonly envelope: Envelope<H> } | { readonly text: string }

/** Sends messages to other nodes and receives theirs, in envelopes. */
export class NodeChannel {
  readonly node: string
  readonly connection: ManagedConnection
  readonly #log: Logger
  readonly #reportedNodes = new Set<string>()
  /** Kinds whose last message was too large. */
  readonly #oversizedKinds = new Set<string>()
  #count = 0

  constructor(node: string, connection: ManagedConnection, log: Logger) {
    this.node = node
    this.connection = connection
    this.#log = log
  }

  /** Encodes a message with the next id. @throws `payload_too_large` */
  encode(header: object | undefined, payload: string | undefined): string {
    const text = encodeEnvelope(this.node, String(++this.#count), header, payload)
    const { maxPayload } = this.connection
    // A UTF-16 unit takes at most three bytes, so the bytes of a short text need not be counted.
    if (text.length * 3 <= maxPayload) return text
    const bytes = Buffer.byteLength(text)
    if (bytes <= maxPayload) return text
    const kind = kindOf(header)
    const name = kind === undefined ? 'A message' : `A message of kind '${kind}'`
    throw new RookeryError('payload_too_large', `${name} has ${bytes} bytes, and NATS takes ${maxPayload}`)
  }

  /**
   * Sends a message and logs a failure. If messages of one kind are too large again and again, only the first is logged.
   * Returns whether the message was sent to every subject.
   */
  send(subjects: readonly string[], header: object | undefined, payload?: string, reply?: string): boolean {
    try {
      const text = this.encode(header, payload)
      if (this.#oversizedKinds.size > 0) this.#oversizedKinds.delete(kindOf(header) ?? '')
      return subjects.map((subject) => this.connection.publish(subject, text, reply)).every(Boolean)
    } catch (error) {
      if (!this.#isRepeated(error, kindOf(header))) this.logFailure(error, subjects[0] as string)
      return false
    }
  }

  /** Subscribes to a subject, alone or in a queue group, and logs what the callback throws. */
  subscribe(subject: string, callback: (message: Msg) => void, queue?: string): Subscription | undefined {
    const guarded = (message: Msg) => {
      try {
        callback(message)
      } catch (error) {
        this.logFailure(error, message.subject)
      }
    }
    return this.connection.subscribe(subject, guarded, queue)
  }

  /**
   * Decodes a message. Returns undefined for a message of this node, of another protocol version, or one that is not
   * valid; the last two are logged.
   *
   * @param includeOwn whether to return messages of this node, too
   */
  receive<H>(message: Msg, includeOwn = false): Received<H> | undefined {
    const text = message.string()
    if (!isEnvelope(text)) return { text }
    try {
      const envelope = decodeEnvelope<H>(text)
      if (envelope.node === this.node && !includeOwn) return undefined
      if ('id' in envelope) return { envelope }
      this.#reportForeign(envelope.node, envelope.version)
    } catch (error) {
      this.logFailure(error, message.subject)
    }
    return undefined
  }

  logFailure(error: unknown, subject: string): void {
    this.#log.error(
      { err: error, subject: shortIds(subject), stage: 'nats' },
      'a message to or from another node could not be sent or read',
    )
  }

  /** Whether the last message of this kind was too large, too. */
  #isRepeated(error: unknown, kind: string | undefined): boolean {
    if (kind === undefined || (error as { code?: unknown }).code !== 'payload_too_large') return false
    if (this.#oversizedKinds.has(kind)) return true
    if (this.#oversizedKinds.size < MAX_OVERSIZED_KINDS) this.#oversizedKinds.add(kind)
    return false
  }

  /** Logs once for each node, because a node sends a heartbeat every two seconds. */
  #reportForeign(node: string, version: string): void {
    if (this.#reportedNodes.has(node) || this.#reportedNodes.size >= MAX_REPORTED_NODES) return
    this.#reportedNodes.add(node)
    this.#log.error(
      { node, version, own: NODE_PROTOCOL },
      'a node of another version is in this cluster and is ignored: run one version, or set another prefix',
    )
  }
}

/** What a header says of its message: the kind of a message, or the method of a question. */
const kindOf = (header: object | undefined): string | undefined => {
  const { kind, method } = (header ?? {}) as { readonly kind?: string; readonly method?: string }
  return kind ?? method
}
