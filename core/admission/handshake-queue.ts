import { LinkedList } from '../linked-list.ts'

/** Milliseconds from one look at the lines to the next. */
const TICK = 10
/** Milliseconds that somebody waits: in a long line, or while much else is to do, it may be a little more. */
const PATIENCE = 500
/** How many of a line may lose their patience in one look, or what part of it: who came at once is not answered at once. */
const LOT = { least: 10, part: TICK / PATIENCE }

interface Waiting {
  readonly since: number
  readonly goOn: () => void
}

/**
 * Those whose key has no room left, in the order they came, until there is or they have waited for half a second. Whoever is
 * kept waiting does not come back meanwhile: a refusal at once would be the next attempt at once.
 */
export class WaitingLines {
  readonly #lines = new Map<string, LinkedList<Waiting>>()
  readonly #room: (key: string) => number
  #timer: NodeJS.Timeout | undefined

  /** @param room how many may go on now */
  constructor(room: (key: string) => number) {
    this.#room = room
  }

  /** Waits if there is no room, or somebody waits already; undefined if not. Whoever goes on has to look once more. */
  wait(key: string): Promise<void> | undefined {
    const line = this.#lines.get(key)
    if (!line && this.#room(key) >= 1) return undefined
    return new Promise((goOn) => {
      this.#enter(key, line).add({ since: performance.now(), goOn })
    })
  }

  /** Lets all go on now. */
  clear(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const line of this.#lines.values()) for (const { goOn } of line) goOn()
    this.#lines.clear()
  }

  #enter(key: string, there: LinkedList<Waiting> | undefined): LinkedList<Waiting> {
    const line = there ?? new LinkedList<Waiting>()
    if (!there) this.#lines.set(key, line)
    this.#timer ??= setInterval(this.#look, TICK)
    return line
  }

  readonly #look = (): void => {
    const now = performance.now()
    for (const [key, line] of this.#lines) {
      let room = this.#room(key)
      let lot = Math.max(LOT.least, LOT.part * line.size)
      for (let next = line.first; next; next = line.first) {
        if (room >= 1) room--
        else if (lot > 0 && now - next.value.since >= PATIENCE) lot--
        else break
        line.delete(next)
        next.value.goOn()
      }
      if (line.size === 0) this.#lines.delete(key)
    }
    if (this.#lines.size === 0) this.clear()
  }
}
