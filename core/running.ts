/** Something under way, in the order of its deadline. */
export interface Run {
  readonly at: number
  readonly late: () => void
  before: Run | undefined
  after: Run | undefined
  /** It is over, or late already. */
  done: boolean
}

/**
 * What is under way and has the same time each, watched by one timer. A list whose items let go of each other: those of
 * a `Set` would outlive their time, kept by tables that it has outgrown until the next full garbage collection.
 */
export class Running {
  readonly #limit: number
  /** All have as long, so the earliest deadline is that of the first. */
  #first: Run | undefined
  #last: Run | undefined
  #count = 0
  #timer: NodeJS.Timeout | undefined
  #idle: (() => void)[] = []

  /** @param limit milliseconds that each has; `Infinity` for as long as it takes */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** @param late called once, when it is not over in time */
  begin(late: () => void): Run {
    const run: Run = {
      at: performance.now() + this.#limit,
      late,
      before: this.#last,
      after: undefined,
      done: false,
    }
    if (this.#last) this.#last.after = run
    else this.#first = run
    this.#last = run
    this.#count++
    if (this.#limit !== Number.POSITIVE_INFINITY) this.#timer ??= setTimeout(this.#check, this.#limit).unref()
    return run
  }

  end(run: Run): void {
    this.#unlink(run)
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

  #unlink(run: Run): void {
    if (run.done) return
    run.done = true
    if (run.before) run.before.after = run.after
    else this.#first = run.after
    if (run.after) run.after.before = run.before
    else this.#last = run.before
    run.before = run.after = undefined
  }

  readonly #check = (): void => {
    this.#timer = undefined
    for (const now = performance.now(); this.#first; ) {
      const run = this.#first
      if (run.at > now) {
        this.#timer = setTimeout(this.#check, Math.ceil(run.at - now)).unref()
        return
      }
      this.#unlink(run)
      run.late()
    }
  }
}
