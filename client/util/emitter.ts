import { runIsolated } from './run-isolated.ts'

type Listeners<Args extends unknown[]> = Set<(...args: Args) => void>

/** Typed events; a listener that throws hurts no other. */
export class Emitter<Events extends { [Name in keyof Events]: unknown[] }> {
  readonly #listeners: { [Name in keyof Events]?: Listeners<Events[Name]> } = {}

  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): () => void {
    // A function of its own, so that one listener added twice is removed once at a time.
    const own = (...args: Events[Name]) => listener(...args)
    const listeners = (this.#listeners[name] ??= new Set())
    listeners.add(own)
    return () => {
      listeners.delete(own)
    }
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of [...(this.#listeners[name] ?? [])]) runIsolated(() => listener(...args))
  }
}
