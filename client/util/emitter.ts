import { runIsolated } from './run-isolated.ts'

type Listeners<Args extends unknown[]> = Set<(...args: Args) => void>

/** A typed event emitter. An error in one listener does not stop the other listeners. */
export class Emitter<Events extends { [Name in keyof Events]: unknown[] }> {
  readonly #listeners: { [Name in keyof Events]?: Listeners<Events[Name]> } = {}

  /** @returns a function that removes the listener */
  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): () => void {
    // Each call adds its own function: a listener that is added twice runs twice and is removed one at a time.
    const own = (...args: Events[Name]) => listener(...args)
    const listeners = (this.#listeners[name] ??= new Set())
    listeners.add(own)
    return () => {
      listeners.delete(own)
    }
  }

  /** @returns whether there is a listener */
  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): boolean {
    const listeners = [...(this.#listeners[name] ?? [])]
    for (const listener of listeners) runIsolated(() => listener(...args))
    return listeners.length > 0
  }
}
