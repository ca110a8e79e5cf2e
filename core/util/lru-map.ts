/** Makes what belongs to a key when it is asked for first, and keeps it for so many keys: those asked for last. */
export class LruMap<T> {
  readonly #make: () => T
  readonly #size: number
  /** The one asked for longest ago first. */
  readonly #kept = new Map<string, T>()
  /** The one asked for last. */
  #last: { readonly key: string; readonly value: T } | undefined

  constructor(make: () => T, size: number) {
    this.#make = make
    this.#size = size
  }

  get(key: string): T {
    if (this.#last?.key === key) return this.#last.value
    const value = this.#kept.get(key) ?? this.#make()
    this.#last = { key, value }
    // Last in line again.
    this.#kept.delete(key)
    this.#kept.set(key, value)
    if (this.#kept.size > this.#size) this.#kept.delete(this.#kept.keys().next().value as string)
    return value
  }

  /** What is there already, without counting as asking. */
  peek(key: string): T | undefined {
    return this.#kept.get(key)
  }
}
