/** Whether all fields of one object have the same values in the other. */
export const hasSameFields = (one: object, other: object): boolean =>
  Object.entries(one).every(([name, value]) => Object.is(value, (other as Record<string, unknown>)[name]))

/** A value that changes, for `useSyncExternalStore` and its counterparts in other frameworks. */
export class Store<Snapshot extends object> {
  /** The snapshot at first, which is also the one for rendering on a server. */
  readonly initial: Snapshot
  #snapshot: Snapshot
  protected readonly listeners = new Set<() => void>()

  constructor(initial: Snapshot) {
    this.initial = this.#snapshot = initial
  }

  /** Returns the same object until a field of it changes. */
  readonly get = (): Snapshot => this.current.#snapshot

  /**
   * Calls the listener with each change. Each call needs a function of its own.
   *
   * @returns a function that removes the listener
   */
  readonly subscribe = (listener: () => void): (() => void) => this.current.add(listener)

  /** The store that acts for this one. */
  protected get current(): this {
    return this
  }

  protected add(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
    }
  }

  /** Changes fields, and tells the listeners if a field has another value now. */
  protected update(change: Partial<Snapshot>): void {
    if (hasSameFields(change, this.#snapshot)) return
    this.#snapshot = { ...this.#snapshot, ...change }
    for (const listener of [...this.listeners]) listener()
  }
}
