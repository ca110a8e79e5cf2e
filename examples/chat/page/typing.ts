/** How often somebody who types says so, and how long others then believe it, in ms. */
const EVERY = 2000
const FADES_AFTER = 4000

/** Tells the others that somebody types, at most every two seconds. */
export class TypingNotice {
  readonly #tell: () => void
  #last = Number.NEGATIVE_INFINITY

  constructor(tell: () => void) {
    this.#tell = tell
  }

  typed(): void {
    if (performance.now() - this.#last < EVERY) return
    this.#last = performance.now()
    this.#tell()
  }

  /** A message takes the hint away, so what is typed next is news. */
  sent(): void {
    this.#last = Number.NEGATIVE_INFINITY
  }
}

const describe = ([first, second, ...more]: readonly string[]): string => {
  if (first === undefined) return ''
  if (second === undefined) return `${first} is typing…`
  return more.length > 0 ? 'Several people are typing…' : `${first} and ${second} are typing…`
}

/** The line that says who is typing. */
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
      setTimeout(() => this.remove(name), FADES_AFTER),
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
