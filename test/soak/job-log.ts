import type { Numbered } from './messages.ts'
import type { Violations } from './violations.ts'
import type { Windows } from './windows.ts'

/** Milliseconds before and after a kill in which events are on their way to the node that dies. */
export const KILL_MARGIN_MS = 2_000

/** Events for a group of listeners: one node handles each event once, unless a node was killed or NATS was away. */
export class JobLog {
  readonly #violations: Violations
  readonly #faults: Windows
  /** Times of the handled events of each node, by number. */
  readonly #handled = new Map<string, Map<number, number>>()
  /** For each node, the number up to which all events are checked, and the time of that check. */
  readonly #checked = new Map<string, { readonly n: number; readonly at: number }>()
  count = 0

  /** @param faults periods in which events may be lost */
  constructor(violations: Violations, faults: Windows) {
    this.#violations = violations
    this.#faults = faults
  }

  handled({ node, n, at }: Numbered): void {
    const own = this.#handled.get(node) ?? new Map<number, number>()
    this.#handled.set(node, own)
    if (own.has(n) || n <= (this.#checked.get(node)?.n ?? 0)) {
      this.#violations.add('event of a group handled twice', `${n} of ${node}`)
    }
    own.set(n, at)
    this.count++
  }

  /** Numbers of a node up to `last` that no node has handled and that no fault explains. */
  missing(node: string, last: number, now = Date.now()): readonly number[] {
    const own = this.#handled.get(node) ?? new Map<number, number>()
    const missing: number[] = []
    const checked = this.#checked.get(node) ?? { n: 0, at: 0 }
    let before = checked.at
    for (let n = checked.n + 1; n <= last; n++) {
      const at = own.get(n)
      if (at !== undefined) before = at
      else if (!this.#faults.touch(before, this.#laterThan(own, n, last) ?? now)) missing.push(n)
    }
    return missing
  }

  /** Reports the events of a node up to `last` that are missing. Does not look at them again. */
  check(node: string, last: number): void {
    const missing = this.missing(node, last)
    if (missing.length > 0) {
      const own = this.#handled.get(node) ?? new Map<number, number>()
      const after = own.get((missing[0] as number) - 1) ?? 0
      const when = `the first one after ${new Date(after).toISOString()}`
      this.#violations.add(
        'event of a group lost',
        `${missing.length} of ${node}: ${missing.slice(0, 10)}, ${when}`,
      )
    }
    const at = this.#handled.get(node)?.get(last) ?? Date.now()
    this.#checked.set(node, { n: Math.max(last, this.#checked.get(node)?.n ?? 0), at })
    for (const n of this.#handled.get(node)?.keys() ?? []) {
      if (n <= last) this.#handled.get(node)?.delete(n)
    }
  }

  #laterThan(own: ReadonlyMap<number, number>, n: number, last: number): number | undefined {
    for (let later = n + 1; later <= last; later++) {
      const at = own.get(later)
      if (at !== undefined) return at
    }
    return undefined
  }
}
