/** How long a node waits for messages that another node has delivered already, in milliseconds. */
const MAX_LAG_MS = 2_000

/** Waits for messages that this node has not delivered yet. */
export class PositionWaits {
  /** Called with the number that was delivered. */
  readonly #waits = new Set<(seq: number) => void>()

  /** Resolves when a message has been delivered, or after a time. */
  wait(seq: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#waits.delete(reached)
        resolve()
      }
      const reached = (delivered: number) => {
        if (delivered >= seq) end()
      }
      const timer = setTimeout(end, MAX_LAG_MS).unref()
      this.#waits.add(reached)
    })
  }

  /** A message has been delivered. */
  reached(seq: number): void {
    for (const reached of this.#waits) reached(seq)
  }

  /** Ends all waits. */
  end(): void {
    this.reached(Number.POSITIVE_INFINITY)
  }
}
