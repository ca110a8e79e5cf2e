/** Violations of one kind that are kept as text. A fault on a busy topic would otherwise fill the memory. */
const MAX_TEXTS = 5

/** What the soak found to be wrong, by the name of the check. */
export class Violations {
  readonly #counts = new Map<string, number>()
  readonly #texts: string[] = []
  readonly #print: (line: string) => void

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  add(check: string, what: string): void {
    const count = (this.#counts.get(check) ?? 0) + 1
    this.#counts.set(check, count)
    if (count > MAX_TEXTS) return
    const text = `${check}: ${what}`
    this.#texts.push(text)
    this.#print(`VIOLATION ${text}`)
  }

  /** The first violations of each check. */
  get texts(): readonly string[] {
    return this.#texts
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }
}
