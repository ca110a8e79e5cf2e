import { type Entry, LinkedList } from '../util/linked-list.ts'

/** Something under way. */
interface Run {
  readonly at: number
  readonly late: () => void
}

/** What is under way and has the same time each, watched by one timer. */
export class InFlight {
  readonly #limit: number
  /** Those that are not late: all have as long, so the earliest deadline is that of the first. */
  readonly #runs = new LinkedList<Run>()
  /** Late ones, too. */
  #count = 0
  #timer: NodeJS.Timeout | undefined
  #idle: (() => void)[] = []

  /** @param limit milliseconds that each has; `Infinity` for as long as it takes */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** @param late called once, when it is not over in time */
  begin(late: () => void): Entry<Run> {
    this.#count++
    if (this.#limit !== Number.POSITIVE_INFINITY) this.#timer ??= setTimeout(this.#check, this.#limit).unref()
    return this.#runs.add({ at: performance.now() + this.#limit, late })
  }

  end(run: Entry<Run>): void {
    this.#runs.delete(run)
    if (--this.#count > 0) return
    for (const idle of this.#idle.splice(0)) idle()
  }

  /** Resolves when nothing is under way, late or not. */
  async idle(): Promise<void> {
    while (this.#count > 0) {
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve)
      })
    }
  }

  readonly #check = (): void => {
    this.#timer = undefined
    for (const now = performance.now(); this.#runs.first; ) {
      const run = this.#runs.first
      if (run.value.at > now) {
        this.#timer = setTimeout(this.#check, Math.ceil(run.value.at - now)).unref()
        return
      }
      this.#runs.delete(run)
      run.value.late()
    }
  }
}
