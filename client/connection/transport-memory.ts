/** How long a remembered transport stays valid, in milliseconds. Users change networks, and networks change. */
const MEMORY_TTL_MS = 3_600_000

/**
 * Remembers for one hour which transport worked. The tab's `sessionStorage` keeps the entry over a reload. Where
 * storage is missing, forbidden or full, the object itself keeps the entry. Other code may have changed a stored
 * entry: an entry that cannot be read counts as none.
 */
export class TransportMemory {
  readonly #key: string
  /** `<expiry in milliseconds since the epoch> <transport name>`, or an empty string. */
  #entry = ''

  constructor(origin: string) {
    this.#key = `rookery:${origin}`
  }

  /** Returns the name of the transport, or undefined when no valid entry exists. */
  recall(): string | undefined {
    try {
      this.#entry = sessionStorage.getItem(this.#key) ?? this.#entry
    } catch {
      // Without storage, the entry of this object is used.
    }
    const [until, name] = this.#entry.split(' ')
    return Number(until) > Date.now() ? name : undefined
  }

  /** @param name undefined to forget */
  remember(name: string | undefined): void {
    this.#entry = name ? `${Date.now() + MEMORY_TTL_MS} ${name}` : ''
    try {
      sessionStorage.setItem(this.#key, this.#entry)
    } catch {
      // Without storage, this object keeps the entry.
    }
  }
}
