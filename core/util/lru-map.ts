/** A map of limited size that creates missing values and drops the least recently used key. */
export class LruMap<T> {
  readonly #create: () => T
  readonly #size: number
  /** In order of use, the least recently used key first. */
  readonly #kept = new Map<string, T>()
  /** The most recently used entry, as a shortcut. */
  #last: { readonly key: string; readonly value: T } | undefined

  /** @param size number of keys that the map keeps */
  constructor(create: () => T, size: number) {
    this.#create = create
    this.#size = size
  }

  /** Returns the value of a key. Creates it if there is none. */
  get(key: string): T {
    if (this.#last?.key === key) return this.#last.value
    const value = this.#kept.get(key) ?? this.#create()
    this.#last = { key, value }
    // Move the key to the end.
    this.#kept.delete(key)
    this.#kept.set(key, value)
    if (this.#kept.size > this.#size) this.#kept.delete(this.#kept.keys().next().value as string)
    return value
  }

  /** Returns the value of a key if it exists. Does not count as a use. */
  peek(key: string): T | undefined {
    return this.#kept.get(key)
  }
}
