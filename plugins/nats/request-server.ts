import type { ClusterHost, Question } from '../../core/cluster/cluster.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { stringify } from '../../core/protocol/frame.ts'
import type { Logger } from '../../core/util/logger.ts'
import type { Envelope } from './envelope.ts'
import type { Voice } from './node-channel.ts'
import { type AnswerNote, TIMEOUT } from './request-client.ts'

export interface QuestionNote {
  readonly method: string
  /** How long the asker waits, in milliseconds. */
  readonly timeout?: number
}

/** Says what has become of a question: its answer, or why there is none. */
type Reply = (value: unknown, error?: RookeryError) => void

/** Where questions to this node's sessions come from: their addresses, and its own. */
export const isAddress = (pattern: string): boolean => /^\$(node|user|session|room)\//.test(pattern)

/** Answers the questions of other nodes, and of whoever publishes to an address directly. */
export class Answering {
  readonly #voice: Voice
  readonly #host: ClusterHost
  readonly #log: Logger
  /** Answers to come that a fence has to wait for. */
  readonly #pending = new Set<Promise<void>>()

  constructor(voice: Voice, host: ClusterHost, log: Logger) {
    this.#voice = voice
    this.#host = host
    this.#log = log
  }

  /** Answers a node. */
  node(to: string, { node, note, payload }: Envelope<QuestionNote>, reply: string): void {
    const question = {
      to,
      method: note?.method ?? '',
      payload: parse(payload),
      timeout: note?.timeout ?? TIMEOUT,
    }
    this.#answer(question, node, (value, error) => {
      const answer: AnswerNote | undefined = error && { error: error.toJSON() }
      const text = this.#voice.seal(answer, error ? undefined : stringify(value))
      this.#voice.link.publish(reply, text)
    })
  }

  /** Takes `{ topic, payload }` from outside and sends it to the sessions of an address. */
  outside(to: string, text: string, reply: string | undefined): void {
    const done: Reply = (value, error) => {
      if (reply) this.#voice.link.publish(reply, JSON.stringify(error ? { error } : { count: value }))
      else if (error) this.#voice.fail(error, to)
    }
    try {
      this.#answer({ to, method: 'send', payload: readMessage(to, text), timeout: TIMEOUT }, null, done)
    } catch (error) {
      done(undefined, error as RookeryError)
    }
  }

  /** Answers a fence once all that came before it has been answered. */
  async fence(reply: string): Promise<void> {
    if (this.#pending.size > 0) await Promise.all(this.#pending)
    this.#voice.say([reply], undefined)
  }

  #answer(question: Question & { readonly timeout: number }, from: string | null, reply: Reply): void {
    const fail = (failure: unknown) => reply(undefined, this.#coded(failure, question))
    try {
      const value = this.#host.answer(question, from)
      if (!(value instanceof Promise)) {
        reply(value)
        return
      }
      const answered = value
        .then((settled) => reply(settled))
        .catch(fail)
        .catch((error) => this.#voice.fail(error, question.to))
      // Who is asked alone is waited for by itself.
      if (!question.to.startsWith('$node/')) this.#hold(answered, question.timeout)
    } catch (failure) {
      fail(failure)
    }
  }

  /** Has fences wait for an answer, for as long as its asker does. */
  #hold(answered: Promise<void>, timeout: number): void {
    const over = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeout).unref()
      void answered.then(() => {
        clearTimeout(timer)
        resolve()
      })
    })
    this.#pending.add(over)
    void over.then(() => this.#pending.delete(over))
  }

  #coded(failure: unknown, { to, method }: Question): RookeryError {
    if (failure instanceof RookeryError) return failure
    const id = crypto.randomUUID()
    this.#log.error(
      { err: failure, errorId: id, to, method, stage: 'cluster' },
      'a question of another node failed',
    )
    return new RookeryError('internal', undefined, { id })
  }
}

/** @throws `forbidden`, `bad_frame` */
const readMessage = (to: string, text: string): unknown => {
  if (to.startsWith('$node/')) throw new RookeryError('forbidden', 'Only nodes may ask nodes')
  try {
    const message: unknown = JSON.parse(text)
    if (typeof message === 'object' && message !== null) return message
  } catch {
    // Said below.
  }
  throw new RookeryError('bad_frame', 'Whoever sends to an address sends JSON: { "topic", "payload" }')
}

const parse = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text))
