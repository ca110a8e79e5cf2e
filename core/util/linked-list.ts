/** A value in a list, by which it can be taken out again. */
export interface Entry<T> {
  readonly value: T
  before: Entry<T> | undefined
  after: Entry<T> | undefined
  listed: boolean
}

/**
 * Values in the order they came, for what comes and goes all the time. Entries let go of each other: those of a `Set` would
 * outlive their time, kept by tables that it has outgrown until the next full garbage collection.
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

  /** Puts a value last. */
  add(value: T): Entry<T> {
    const entry: Entry<T> = { value, before: this.#last, after: undefined, listed: true }
    if (this.#last) this.#last.after = entry
    else this.#first = entry
    this.#last = entry
    this.#size++
    return entry
  }

  /** Takes an entry out, unless it is out already; tells whether it was there. */
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

  /** The values that are there now, first to last. */
  [Symbol.iterator](): IterableIterator<T> {
    const values: T[] = []
    for (let entry = this.#first; entry; entry = entry.after) values.push(entry.value)
    return values[Symbol.iterator]()
  }
}
