/** How long it is worth knowing, in milliseconds: people change networks, and networks change. */
const LIFETIME = 3_600_000

/**
 * Remembers which transport works, for an hour: in the tab's `sessionStorage`, over a reload, where there is one, and
 * otherwise by itself. Storage may be forbidden, full or changed by others; then it is as if there were none.
 */
export class Memory {
  readonly #key: string
  #entry = ''

  constructor(origin: string) {
    this.#key = `rookery:${origin}`
  }

  recall(): string | undefined {
    try {
      this.#entry = sessionStorage.getItem(this.#key) ?? this.#entry
    } catch {
      // What this object remembers has to do.
    }
    const [until, name] = this.#entry.split(' ')
    return Number(until) > Date.now() ? name : undefined
  }

  /** @param name undefined to forget */
  remember(name: string | undefined): void {
    this.#entry = name ? `${Date.now() + LIFETIME} ${name}` : ''
    try {
      sessionStorage.setItem(this.#key, this.#entry)
    } catch {
      // As above.
    }
  }
}
