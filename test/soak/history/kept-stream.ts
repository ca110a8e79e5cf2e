import { compilePattern } from '../../../core/topics/topic.ts'
import type { SoakNode } from '../soak-node.ts'
import type { Violations } from '../violations.ts'
import { ALL, type Kept, PAGE, type StoredMessage } from './messages.ts'

/** What one subscription got: the numbers of the messages, in the order of arrival. */
export interface Received {
  readonly name: string
  readonly pattern: string
  readonly numbers: readonly number[]
}

/** Messages of one node that a number has room for. */
const MAX_MESSAGES = 2 ** 32

/** Gives each message one number, which takes little memory. */
export class MessageNumbers {
  readonly #nodes: string[] = []

  of({ node, n }: Kept): number {
    let index = this.#nodes.indexOf(node)
    if (index < 0) index = this.#nodes.push(node) - 1
    return index * MAX_MESSAGES + n
  }

  nameOf(number: number): string {
    return `${number % MAX_MESSAGES} of ${this.#nodes[Math.floor(number / MAX_MESSAGES)]}`
  }
}

/** The messages of the stream, in its order: the truth that subscriptions and publishers are compared with. */
export class KeptStream {
  readonly #numbers: MessageNumbers
  readonly #messages: readonly { readonly topic: string; readonly number: number }[]
  readonly #byPattern = new Map<string, readonly number[]>()

  private constructor(numbers: MessageNumbers, messages: readonly StoredMessage[]) {
    this.#numbers = numbers
    this.#messages = messages.map(({ topic, payload }) => ({ topic, number: numbers.of(payload) }))
  }

  /** Reads the whole stream, page by page. */
  static async read(node: SoakNode, numbers: MessageNumbers): Promise<KeptStream> {
    const messages: StoredMessage[] = []
    for (;;) {
      const since = messages.at(-1)?.cursor ?? 'earliest'
      const page = (await node.ask({ ask: 'read', since })) as StoredMessage[]
      messages.push(...page)
      if (page.length < PAGE) return new KeptStream(numbers, messages)
    }
  }

  get size(): number {
    return this.#messages.length
  }

  /** The numbers of the messages that a pattern matches. */
  matching(pattern: string): readonly number[] {
    let found = this.#byPattern.get(pattern)
    if (!found) {
      const matches = compilePattern(pattern)
      found = this.#messages.filter(({ topic }) => matches(topic)).map(({ number }) => number)
      this.#byPattern.set(pattern, found)
    }
    return found
  }

  /** A subscription must have got all messages that it matches, each once and in order. */
  checkReceived({ name, pattern, numbers }: Received, violations: Violations): void {
    const places = new Map(this.matching(pattern).map((number, place) => [number, place]))
    const seen = new Set<number>()
    let highest = -1
    const add = (check: string, number: number) =>
      violations.add(check, `${this.#numbers.nameOf(number)} at ${name}, ${pattern}`)
    for (const number of numbers) {
      const place = places.get(number)
      if (place === undefined) add('delivered and not in the stream', number)
      else if (seen.has(number)) add('delivered twice', number)
      else if (place < highest) add('delivered out of order', number)
      seen.add(number)
      highest = Math.max(highest, place ?? -1)
    }
    for (const number of places.keys()) if (!seen.has(number)) add('lost', number)
  }

  /** Each message must be in the stream once, and all that a node has confirmed must be there. */
  checkStored(confirmed: Iterable<number>, violations: Violations): void {
    const stored = new Set<number>()
    for (const number of this.matching(ALL)) {
      if (stored.has(number)) violations.add('stored twice', this.#numbers.nameOf(number))
      stored.add(number)
    }
    for (const number of this.missing(confirmed)) {
      violations.add('confirmed and not stored', this.#numbers.nameOf(number))
    }
  }

  /** Returns the numbers of messages that are not in the stream. */
  missing(confirmed: Iterable<number>): number[] {
    const stored = new Set(this.matching(ALL))
    return [...confirmed].filter((number) => !stored.has(number))
  }
}
