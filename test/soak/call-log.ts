import type { Violations } from './violations.ts'

/** Codes of calls that the client has not sent. */
const UNSENT = new Set(['not_connected', 'queue_full', 'payload_too_large'])

/** Numbered calls: a call that resolves was handled once, a call that rejects at most once. */
export class CallLog {
  /** Outcomes so far: `resolved`, or the code of the error. */
  readonly outcomes = new Map<string, number>()
  readonly #violations: Violations
  readonly #handled = new Map<number, number>()
  readonly #pending = new Set<Promise<void>>()
  /** Outcomes that have not been checked. */
  #settled: { readonly number: number; readonly code: string }[] = []
  #next = 0

  constructor(violations: Violations) {
    this.#violations = violations
  }

  /** @param call calls a handler that returns the number */
  add(call: (number: number) => Promise<unknown>): void {
    const number = this.#next++
    const settle = (code: string) => {
      this.outcomes.set(code, (this.outcomes.get(code) ?? 0) + 1)
      this.#settled.push({ number, code })
    }
    const settled = call(number).then(
      (answer) => {
        if (answer !== number)
          this.#violations.add('call', `${number} was answered ${JSON.stringify(answer)}`)
        settle('resolved')
      },
      (error: { code?: string }) => settle(error.code ?? String(error)),
    )
    const pending = settled.finally(() => this.#pending.delete(pending))
    this.#pending.add(pending)
  }

  /** A node handles a call. */
  handled(number: number): void {
    this.#handled.set(number, (this.#handled.get(number) ?? 0) + 1)
  }

  /** Resolves when all calls have an outcome. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending)
  }

  /** Checks all outcomes so far. Call it when the nodes have told which calls they handled. */
  check(): void {
    for (const { number, code } of this.#settled) {
      const times = this.#handled.get(number) ?? 0
      const isRight = code === 'resolved' ? times === 1 : times <= (UNSENT.has(code) ? 0 : 1)
      if (!isRight) this.#violations.add('call', `${number} (${code}) was handled ${times} times`)
      this.#handled.delete(number)
    }
    this.#settled = []
  }
}
