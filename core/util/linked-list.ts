/** An entry of a list, with which its value can be deleted. */
export interface Entry<T> {
  readonly value: T
  before: Entry<T> | undefined
  after: Entry<T> | undefined
  listed: boolean
}

/**
 * A doubly linked list, for values that are added and deleted all the time. Deleted entries keep no reference to each
 * other. In a `Set` they would live until the next full garbage collection, held by hash tables that the set has
 * outgrown.
 */
export class LinkedList<T> {
  #first: Entry<T> | undefined
  #last: Entry<T> | undefined
  #size = 0

  get first(): Entry<T> | undefined {
    return this.#first
  }

  get size(): number {
    return this.#size
  }

  /** Adds a value at the end. */
  add(value: T): Entry<T> {
    const entry: Entry<T> = { value, before: this.#last, after: undefined, listed: true }
    if (this.#last) this.#last.after = entry
    else this.#first = entry
    this.#last = entry
    this.#size++
    return entry
  }

  /** Deletes an entry. Returns whether it was in the list. */
  delete(entry: Entry<T>): boolean {
    if (!entry.listed) return false
    entry.listed = false
    if (entry.before) entry.before.after = entry.after
    else this.#first = entry.after
    if (entry.after) entry.after.before = entry.before
    else this.#last = entry.before
    entry.before = entry.after = undefined
    this.#size--
    return true
  }

  /** Iterates over a copy of the values, first to last. */
  [Symbol.iterator](): IterableIterator<T> {
    const values: T[] = []
    for (let entry = this.#first; entry; entry = entry.after) values.push(entry.value)
    return values[Symbol.iterator]()
  }
}
