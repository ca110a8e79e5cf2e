import type { Answer, Answers, Question } from '../../core/cluster/cluster.ts'
import type { RookeryError } from '../../core/protocol/errors.ts'
import type { BarrierWaiter } from './answer-barrier.ts'

export const NODE_ADDRESS_PREFIX = '$node/'

/** A request under way, with the answers that have arrived. */
export class PendingRequest implements BarrierWaiter {
  readonly sequence: number
  readonly answers: Promise<Answers>
  readonly #toNode: boolean
  readonly #oneAnswer: boolean
  readonly #thorough: boolean
  readonly #awaitBarrier: (request: PendingRequest) => void
  /** Nodes that have neither answered nor passed a barrier. */
  readonly #expected: Set<string>
  readonly #received = new Map<string, Answer>()
  #resolve!: (answers: Answers) => void
  #reject!: (error: RookeryError) => void

  /** @param awaitBarrier adds a request to a barrier */
  constructor(
    sequence: number,
    nodes: readonly string[],
    { to, thorough = false }: Question,
    awaitBarrier: (request: PendingRequest) => void,
  ) {
    this.sequence = sequence
    this.#expected = new Set(nodes)
    this.#toNode = to.startsWith(NODE_ADDRESS_PREFIX)
    // A session is on one node, so the first answer is the only one.
    this.#oneAnswer = this.#toNode || to.startsWith('$session/')
    this.#thorough = thorough
    this.#awaitBarrier = awaitBarrier
    this.answers = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  answered(answer: Answer): void {
    this.#received.set(answer.node, answer)
    this.passed(answer.node)
    if (this.#oneAnswer) this.#end([])
    else if (this.#expected.size > 0 && this.#received.size === 1) this.#awaitBarrier(this)
  }

  /** Takes the message of NATS that no node subscribes to the address. */
  noResponders(): void {
    // A node that does not subscribe is missing. A session without a subscriber has ended.
    if (this.#oneAnswer) this.#end(this.#toNode ? this.#expected : [])
    else if (this.#thorough) this.#awaitBarrier(this)
    else this.#end([])
  }

  /**
   * Takes the copy that this node has received, because it subscribes to the address, too. NATS then does not report
   * that no other node does.
   */
  echoed(): void {
    if (this.#oneAnswer) this.noResponders()
    else this.#awaitBarrier(this)
  }

  passed(node: string): void {
    this.#expected.delete(node)
    if (this.#expected.size === 0) this.#end([])
  }

  /** Ends the request: the nodes that have not answered are missing. */
  timedOut(): void {
    this.#end(this.#expected)
  }

  fail(error: RookeryError): void {
    this.#reject(error)
  }

  #end(missing: Iterable<string>): void {
    this.#resolve({ items: [...this.#received.values()], missing: [...missing] })
  }
}
