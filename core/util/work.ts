import { AsyncLocalStorage } from 'node:async_hooks'
import { isPromiseLike } from './promises.ts'

/**
 * Kinds of work, as the log names them when a stop cuts work off: frames of clients with their handlers and authorizers,
 * calls of bus listeners, queued events, hooks of sessions, starts of plugins, and events that the cluster still brings.
 */
type WorkKind = 'handlers' | 'listeners' | 'events' | 'hooks' | 'starts' | 'cluster'

/** One call of the application's code. */
interface Task {
  readonly kind: WorkKind
  open: boolean
  /** Removed at the end: sockets and timers that the task has opened keep the task. */
  ended: (() => void) | undefined
}

/** Counts the work under way, so that a stop can wait for it. */
export class Work {
  readonly #counts = new Map<WorkKind, number>()
  #total = 0
  /** The task of the code that is running, also after an `await` in it. */
  readonly #current = new AsyncLocalStorage<Task>()
  readonly #waiting: (() => void)[] = []

  /** Number of pieces of work under way, by kind. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].filter(([, count]) => count > 0))
  }

  /** Counts a piece of work, until the same number of calls of `done`. */
  add(kind: WorkKind): void {
    this.#total++
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1)
  }

  done(kind: WorkKind): void {
    this.#counts.set(kind, (this.#counts.get(kind) as number) - 1)
    if (--this.#total > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /**
   * Calls `act`, and counts it until its result has settled. Returns the result.
   *
   * @param act gets a function that ends the count earlier
   * @param ended called once, when the call no longer counts
   */
  run<T>(kind: WorkKind, act: (end: () => void) => T, ended?: () => void): T {
    const task: Task = { kind, open: true, ended }
    this.add(kind)
    const end = () => this.#end(task)
    try {
      return this.#current.run(task, () => {
        const result = act(end)
        // Inside the task: the result may be the promise of `stop`.
        if (isPromiseLike(result)) Promise.resolve(result).then(end, end)
        else end()
        return result
      })
    } catch (error) {
      end()
      throw error
    }
  }

  /** Counts until a promise has settled. */
  async follow(kind: WorkKind, promise: PromiseLike<unknown>): Promise<void> {
    this.add(kind)
    await Promise.resolve(promise).catch(() => {})
    this.done(kind)
  }

  /** No longer counts the work that makes this call: it waits for the end of all other work. */
  leave(): void {
    const task = this.#current.getStore()
    if (task) this.#end(task)
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    do {
      if (this.#total > 0) await new Promise<void>((resolve) => void this.#waiting.push(resolve))
      // The end of one piece may begin another one in the same turn, such as the event that a handler publishes.
      await new Promise(setImmediate)
    } while (this.#total > 0)
  }

  #end(task: Task): void {
    if (!task.open) return
    task.open = false
    const { ended } = task
    task.ended = undefined
    // Before `done`: it may begin other work.
    ended?.()
    this.done(task.kind)
  }
}
