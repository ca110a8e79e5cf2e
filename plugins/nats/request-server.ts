import type { ClusterHost, Question } from '../../core/cluster/cluster.ts'
import { codedError } from '../../core/protocol/coded-error.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { stringify } from '../../core/protocol/stringify.ts'
import type { Logger } from '../../core/util/logger.ts'
import { shortIds } from '../../core/util/short-ids.ts'
import type { Envelope } from './envelope.ts'
import type { NodeChannel } from './node-channel.ts'
import { REQUEST_TIMEOUT_MS, type RequestHeader, type ResponseHeader } from './request-header.ts'

/** Sends the answer to a request, or the error for which there is none. */
type Respond = (value: unknown, error?: RookeryError) => void

/** Answers questions of other nodes, which arrive as NATS requests, and messages that external NATS clients publish to an address. */
export class RequestServer {
  readonly #channel: NodeChannel
  readonly #host: ClusterHost
  readonly #log: Logger
  readonly #wants: (address: string) => boolean

  /** @param wants says whether this node has sessions at an address */
  constructor(channel: NodeChannel, host: ClusterHost, log: Logger, wants: (address: string) => boolean) {
    this.#channel = channel
    this.#host = host
    this.#log = log
    this.#wants = wants
  }

  /** Answers a request of a node. */
  answerNode(address: string, { node, header, payload }: Envelope<RequestHeader>, reply: string): void {
    const to = header?.to ?? address
    const send = (response: ResponseHeader | undefined, text?: string) =>
      this.#channel.connection.publish(reply, this.#channel.encode(response, text))
    if (header?.to !== undefined && !this.#wants(to)) {
      send({ unconcerned: true })
      return
    }
    const question = {
      to,
      method: header?.method ?? '',
      payload: parse(payload),
      timeout: header?.timeout ?? REQUEST_TIMEOUT_MS,
    }
    this.#answer(question, node, (value, error) => {
      if (error) send({ error: error.toJSON() })
      else send(undefined, stringify(value))
    })
  }

  /** Sends `{ topic, payload }` of an external NATS client to the sessions of an address. */
  answerExternal(to: string, text: string, reply: string | undefined): void {
    const respond: Respond = (value, failure) => {
      const error = failure ?? (value === 0 ? new RookeryError('not_connected') : undefined)
      if (reply) this.#channel.connection.publish(reply, JSON.stringify(error ? { error } : { count: value }))
      else if (failure) this.#channel.logFailure(failure, to)
    }
    try {
      const payload = readMessage(to, text)
      this.#answer({ to, method: 'send', payload, timeout: REQUEST_TIMEOUT_MS }, null, respond)
    } catch (error) {
      respond(undefined, error as RookeryError)
    }
  }

  #answer(question: Question, from: string | null, respond: Respond): void {
    const fail = (failure: unknown) => {
      const error = this.#toRookeryError(failure, question)
      try {
        respond(undefined, error)
      } catch {
        // The data of the error is too large for NATS.
        respond(undefined, new RookeryError(error.code, error.message))
      }
    }
    try {
      const value = this.#host.answer(question, from)
      if (!(value instanceof Promise)) {
        respond(value)
        return
      }
      void value
        .then((settled) => respond(settled))
        .catch(fail)
        .catch((error) => this.#channel.logFailure(error, question.to))
    } catch (failure) {
      fail(failure)
    }
  }

  #toRookeryError(failure: unknown, { to, method }: Question): RookeryError {
    const coded = codedError(failure)
    if (coded) return coded
    const id = crypto.randomUUID()
    this.#log.error(
      { err: failure, errorId: id, to: shortIds(to), method, stage: 'cluster' },
      'a request of another node failed',
    )
    return new RookeryError('internal', undefined, { id })
  }
}

/** @throws `forbidden`, `bad_frame` */
const readMessage = (to: string, text: string): unknown => {
  if (to.startsWith('$node/')) throw new RookeryError('forbidden', 'Only a node may send requests to a node')
  try {
    const message: unknown = JSON.parse(text)
    if (typeof message === 'object' && message !== null) return message
  } catch {
    // The error below says what is expected.
  }
  throw new RookeryError('bad_frame', 'A message to an address must be JSON: { "topic", "payload" }')
}

const parse = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text))
