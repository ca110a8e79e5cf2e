/** Shortest time between two typing notices, in milliseconds. */
const NOTICE_INTERVAL_MS = 2000

/** How long a typing notice is shown, in milliseconds. */
const NOTICE_SHOWN_MS = 4000

/** Tells the other members that the user types, at most every two seconds. */
export class TypingNotice {
  readonly #tell: () => void
  #last = Number.NEGATIVE_INFINITY

  constructor(tell: () => void) {
    this.#tell = tell
  }

  typed(): void {
    if (performance.now() - this.#last < NOTICE_INTERVAL_MS) return
    this.#last = performance.now()
    this.#tell()
  }

  /** The user sent a message, which removes the notice on other pages. The next keystroke sends a new one. */
  sent(): void {
    this.#last = Number.NEGATIVE_INFINITY
  }
}

const describe = ([first, second, ...more]: readonly string[]): string => {
  if (first === undefined) return ''
  if (second === undefined) return `${first} is typing…`
  return more.length > 0 ? 'Several people are typing…' : `${first} and ${second} are typing…`
}

/** The line with the names of the people who are typing. */
export class TypingLine {
  readonly #line: HTMLElement
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(line: HTMLElement) {
    this.#line = line
    this.#render()
  }

  add(name: string): void {
    clearTimeout(this.#timers.get(name))
    this.#timers.set(
      name,
      setTimeout(() => this.remove(name), NOTICE_SHOWN_MS),
    )
    this.#render()
  }

  remove(name: string): void {
    clearTimeout(this.#timers.get(name))
    if (this.#timers.delete(name)) this.#render()
  }

  clear(): void {
    for (const name of [...this.#timers.keys()]) this.remove(name)
  }

  #render(): void {
    this.#line.textContent = describe([...this.#timers.keys()])
  }
}
