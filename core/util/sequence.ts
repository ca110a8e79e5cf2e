/** Runs actions one after the other. An action that starts inside another one runs after it. */
export class Sequence {
  #running = false
  readonly #waiting: (() => void)[] = []

  /** @throws the first error of the actions that this call runs. All of them run. */
  readonly run = (act: () => void): void => {
    this.#waiting.push(act)
    if (this.#running) return
    this.#running = true
    let failure: { readonly error: unknown } | undefined
    // The list may grow meanwhile.
    for (const next of this.#waiting) {
      try {
        next()
      } catch (error) {
        failure ??= { error }
      }
    }
    this.#waiting.length = 0
    this.#running = false
    if (failure) throw failure.error
  }
}
