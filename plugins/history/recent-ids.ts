/** The ids of recent messages with their numbers, bounded by age and number. */
export class RecentIds {
  readonly #window: number
  readonly #max: number
  /** In the order of adding. */
  readonly #seqs = new Map<string, { readonly seq: number; readonly at: number }>()

  /**
   * @param window milliseconds that an id is known
   * @param max most ids
   */
  constructor(window: number, max: number) {
    this.#window = window
    this.#max = max
  }

  get size(): number {
    return this.#seqs.size
  }

  get(id: string, now: number): number | undefined {
    this.#expire(now)
    return this.#seqs.get(id)?.seq
  }

  add(id: string, seq: number, now: number): void {
    this.#seqs.set(id, { seq, at: now })
    this.#expire(now)
  }

  #expire(now: number): void {
    for (const [id, { at }] of this.#seqs) {
      if (at > now - this.#window && this.#seqs.size <= this.#max) return
      this.#seqs.delete(id)
    }
  }
}
