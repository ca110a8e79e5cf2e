import { type Entry, LinkedList } from '../util/linked-list.ts'

/** One operation in flight. */
interface Run {
  readonly at: number
  readonly late: () => void
}

/** Operations in flight with one common time limit. One timer watches all of them. */
export class InFlight {
  /** Milliseconds for each operation. */
  readonly limit: number
  /** Operations within their time. The limit is the same for all, so the first operation has the earliest deadline. */
  readonly #runs = new LinkedList<Run>()
  #timer: NodeJS.Timeout | undefined

  /** @param limit milliseconds for each operation; `Infinity` for no limit */
  constructor(limit: number) {
    this.limit = limit
  }

  /** Adds an operation. @param late called once if the operation exceeds the limit */
  begin(late: () => void): Entry<Run> {
    if (this.limit !== Number.POSITIVE_INFINITY) this.#timer ??= setTimeout(this.#check, this.limit).unref()
    return this.#runs.add({ at: performance.now() + this.limit, late })
  }

  /** Ends an operation. */
  end(run: Entry<Run>): void {
    this.#runs.delete(run)
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
