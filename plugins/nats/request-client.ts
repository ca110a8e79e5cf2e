import type { Answer, Answers, Question } from '../../core/cluster/cluster.ts'
import { RookeryError, type WireError } from '../../core/protocol/errors.ts'
import { stringify } from '../../core/protocol/frame.ts'
import { Fences, type Waiting } from './answer-barrier.ts'
import type { Envelope } from './envelope.ts'
import type { Voice } from './node-channel.ts'

/** Milliseconds that a question waits when it does not say. */
export const TIMEOUT = 1000

/** Says what an answer is, in its envelope. */
export interface AnswerNote {
  readonly error?: WireError
}

/** What asking needs of its node. */
export interface Asker {
  /** Replies come below it. */
  readonly inbox: string
  /** The subject of an address. */
  readonly subject: (address: string) => string
  /** The other nodes that are there. */
  readonly others: () => readonly string[]
  /** Sends a fence to all nodes. */
  readonly fence: (reply: string) => unknown
}

/** One question under way. */
class Asked implements Waiting {
  readonly number: number
  readonly done: Promise<Answers>
  readonly #single: boolean
  readonly #ofNode: boolean
  readonly #thorough: boolean
  readonly #join: (asked: Asked) => void
  readonly #expected: Set<string>
  readonly #answers = new Map<string, Answer>()
  #resolve!: (answers: Answers) => void
  #reject!: (error: RookeryError) => void

  /** @param join has it wait for a fence */
  constructor(
    number: number,
    expected: readonly string[],
    { to, thorough = false }: Question,
    join: (asked: Asked) => void,
  ) {
    this.number = number
    this.#expected = new Set(expected)
    // A node is one, and a session is on one: whoever answers first is the last.
    this.#ofNode = to.startsWith(NODE)
    this.#single = this.#ofNode || to.startsWith('$session/')
    this.#thorough = thorough
    this.#join = join
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  answered(answer: Answer): void {
    this.#answers.set(answer.node, answer)
    this.passed(answer.node)
    if (this.#single) this.#end([])
    else if (this.#expected.size > 0 && this.#answers.size === 1) this.#join(this)
  }

  /** NATS says that nobody listens there. */
  nobody(): void {
    // That a node cannot be reached is news; that a session has gone is not.
    if (this.#single) this.#end(this.#ofNode ? this.#expected : [])
    else if (this.#thorough) this.#join(this)
    else this.#end([])
  }

  /** It has come back to this node, which has to do with the address itself: NATS will not say that nobody else has. */
  echoed(): void {
    if (this.#single) this.nobody()
    else this.#join(this)
  }

  passed(node: string): void {
    this.#expected.delete(node)
    if (this.#expected.size === 0) this.#end([])
  }

  /** Whoever has said nothing by now is missing. */
  late(): void {
    this.#end(this.#expected)
  }

  fail(error: RookeryError): void {
    this.#reject(error)
  }

  #end(missing: Iterable<string>): void {
    this.#resolve({ items: [...this.#answers.values()], missing: [...missing] })
  }
}

/** Puts questions to other nodes and gathers their answers. */
export class Questions {
  readonly #voice: Voice
  readonly #asker: Asker
  readonly #asked = new Map<string, Asked>()
  readonly #fences: Fences
  #count = 0

  constructor(voice: Voice, asker: Asker) {
    this.#voice = voice
    this.#asker = asker
    this.#fences = new Fences(
      () => ++this.#count,
      (id) => asker.fence(`${asker.inbox}.fence.${id}`),
    )
  }

  /** @throws `cluster_unavailable`, `payload_too_large`, `unserializable` */
  async ask(question: Question): Promise<Answers> {
    const { to, method, payload, timeout = TIMEOUT } = question
    const { link } = this.#voice
    if (!link.connected) throw new RookeryError('cluster_unavailable')
    const expected = to.startsWith(NODE) ? [to.slice(NODE.length)] : this.#asker.others()
    if (expected.length === 0) return { items: [], missing: [] }
    const number = ++this.#count
    const id = String(number)
    const text = this.#voice.seal({ method, timeout }, stringify(payload))
    const asked = new Asked(number, expected, question, (waiting) => this.#fences.join(waiting))
    this.#asked.set(id, asked)
    const timer = setTimeout(() => asked.late(), timeout)
    try {
      const sent = link.publish(this.#asker.subject(to), text, `${this.#asker.inbox}.answer.${id}`)
      if (!sent) throw new RookeryError('cluster_unavailable')
      return await asked.done
    } finally {
      clearTimeout(timer)
      this.#asked.delete(id)
      this.#fences.leave(asked)
    }
  }

  /** An answer has come. */
  answered(id: string, { node, note, payload }: Envelope<AnswerNote>): void {
    const value = payload === undefined ? undefined : JSON.parse(payload)
    this.#asked.get(id)?.answered(note?.error ? { node, error: note.error } : { node, value })
  }

  /** NATS says that nobody listens where a question went. */
  nobody(id: string): void {
    this.#asked.get(id)?.nobody()
  }

  /** A question of this node's own has come back to it. @param reply where its answers come */
  echoed(reply: string | undefined): void {
    this.#asked.get(reply?.split('.').at(-1) ?? '')?.echoed()
  }

  /** A node has dealt with all that was sent to it before a fence. */
  passed(id: string, node: string): void {
    this.#fences.answered(id, node)
  }

  /** Ends all questions under way: the connection is gone. */
  fail(error: RookeryError): void {
    this.#fences.close()
    for (const asked of this.#asked.values()) asked.fail(error)
  }
}

const NODE = '$node/'
