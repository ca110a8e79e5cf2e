/**
 * Gives replays their turns: one page in each turn of the event loop. So a thousand clients that come back at once do not delay
 * the messages of others.
 */
export class ReplayTurns {
  readonly #waiting: (() => void)[] = []

  /** Resolves when it is the caller's turn, in the order of the calls. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) setImmediate(this.#serve)
    })
  }

  readonly #serve = (): void => {
    this.#waiting.shift()?.()
    // An immediate that is set inside an immediate runs in the next turn.
    if (this.#waiting.length > 0) setImmediate(this.#serve)
  }
}
