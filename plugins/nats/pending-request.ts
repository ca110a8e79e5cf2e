import type { Answer, Answers } from '../../core/cluster/cluster.ts'
import type { RookeryError } from '../../core/protocol/errors.ts'

/** A request under way: the nodes that it was sent to, and the answers that have arrived. */
export class PendingRequest {
  readonly answers: Promise<Answers>
  /** Nodes that have not answered. */
  readonly #waiting: Set<string>
  readonly #missing: string[] = []
  readonly #items: Answer[] = []
  #resolve!: (answers: Answers) => void
  #reject!: (error: RookeryError) => void

  constructor(nodes: readonly string[]) {
    this.#waiting = new Set(nodes)
    this.answers = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  answered(answer: Answer): void {
    if (!this.#waiting.delete(answer.node)) return
    this.#items.push(answer)
    this.#endIfComplete()
  }

  /** Takes the news that the request does not concern a node. */
  unconcerned(node: string): void {
    if (this.#waiting.delete(node)) this.#endIfComplete()
  }

  /** Takes the news that a node cannot answer. */
  unreachable(node: string): void {
    if (!this.#waiting.delete(node)) return
    this.#missing.push(node)
    this.#endIfComplete()
  }

  /** Ends the request: the nodes that have not answered are missing. */
  timedOut(): void {
    this.#missing.push(...this.#waiting)
    this.#end()
  }

  fail(error: RookeryError): void {
    this.#reject(error)
  }

  #endIfComplete(): void {
    if (this.#waiting.size === 0) this.#end()
  }

  #end(): void {
    this.#resolve({ items: this.#items, missing: this.#missing })
  }
}
