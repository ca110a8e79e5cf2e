import type { ClusterHost, Question } from '../../core/cluster.ts'
import { RookeryError } from '../../core/errors.ts'
import { stringify } from '../../core/frame.ts'
import type { Logger } from '../../core/logger.ts'
import type { Envelope } from './envelope.ts'
import type { AnswerNote } from './questions.ts'
import type { Voice } from './voice.ts'

export interface QuestionNote {
  readonly method: string
}

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
    const question = { to, method: note?.method ?? '', payload: parse(payload) }
    this.#answer(question, node, (value, error) => {
      const answer: AnswerNote | undefined = error && { error: error.toJSON() }
      this.#voice.say([reply], answer, error ? undefined : stringify(value))
    })
  }

  /** Takes `{ topic, payload }` from outside and sends it to the sessions of an address. */
  outside(to: string, text: string, reply: string | undefined): void {
    const question = { to, method: 'send', payload: JSON.parse(text) as unknown }
    if (to.startsWith('$node/')) throw new RookeryError('forbidden', 'Only nodes may ask nodes')
    this.#answer(question, null, (value, error) => {
      if (reply) this.#voice.link.publish(reply, JSON.stringify(error ? { error } : { count: value }))
    })
  }

  /** Answers a fence once all that came before it has been answered. */
  async fence(reply: string): Promise<void> {
    if (this.#pending.size > 0) await Promise.all(this.#pending)
    this.#voice.say([reply], undefined)
  }

  #answer(
    question: Question,
    from: string | null,
    reply: (value: unknown, error: RookeryError | undefined) => void,
  ): void {
    const fail = (failure: unknown) => reply(undefined, this.#coded(failure, question))
    try {
      const value = this.#host.answer(question, from)
      if (!(value instanceof Promise)) {
        reply(value, undefined)
        return
      }
      const answered = value.then((settled) => reply(settled, undefined)).catch(fail)
      // Who is asked alone is waited for by itself.
      if (question.to.startsWith('$node/')) return
      this.#pending.add(answered)
      void answered.then(() => this.#pending.delete(answered))
    } catch (failure) {
      fail(failure)
    }
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

const parse = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text))
