/** Most bytes of the patterns in one message. NATS takes 1 MiB in one message by default. */
export const MAX_PAGE_BYTES = 64 * 1024

/** Patterns that the listeners of a node subscribe to: as a group, or each listener on its own (`group` is null). */
export interface ListenerPatterns {
  readonly group: string | null
  readonly patterns: readonly string[]
}

/** A part of the list of a node's listeners. */
export interface ListenerPage {
  /** Counts the changes of the list. */
  readonly revision: number
  /** Index of this page. */
  readonly page: number
  /** Number of pages. */
  readonly pages: number
  readonly listeners: readonly ListenerPatterns[]
}

/** A change of the list of a node's listeners. */
export interface ListenerChange {
  /** Revision of the list after the change. */
  readonly revision: number
  readonly what: 'added' | 'removed'
  readonly listeners: readonly ListenerPatterns[]
}

type Listener = readonly [group: string | null, pattern: string]

/** The listeners of this node, as the other nodes are told of them: as a list in pages, then as changes. */
export class OwnListeners {
  /** By key: group and pattern as JSON. */
  readonly #listeners = new Map<string, Listener>()
  /** Listeners that were added (true) or removed since the last call of `takeChanges`. */
  readonly #changed = new Map<string, { readonly listener: Listener; readonly wanted: boolean }>()
  #revision = 0

  get revision(): number {
    return this.#revision
  }

  /** Adds a listener that is not there, or removes one that is there. Returns whether it is the first change to be told. */
  change(group: string | null, pattern: string, wanted: boolean): boolean {
    const key = JSON.stringify([group, pattern])
    const listener: Listener = [group, pattern]
    if (wanted) this.#listeners.set(key, listener)
    else this.#listeners.delete(key)
    // A listener that is added and removed, or the other way round, has not changed.
    if (!this.#changed.delete(key)) this.#changed.set(key, { listener, wanted })
    return this.#changed.size === 1
  }

  /** Returns the changes since the last call, in the order of their revisions. */
  takeChanges(): readonly ListenerChange[] {
    const changed = [...this.#changed.values()]
    this.#changed.clear()
    return [false, true].flatMap((wanted) => {
      const listeners = changed.filter((one) => one.wanted === wanted).map(({ listener }) => listener)
      if (listeners.length === 0) return []
      const what = wanted ? 'added' : 'removed'
      return pagesOf(listeners).map(
        (page) => ({ revision: ++this.#revision, what, listeners: page }) as const,
      )
    })
  }

  /** Returns all listeners, in at least one page. To be called after `takeChanges`. */
  pages(): readonly ListenerPage[] {
    const revision = this.#revision
    const pages = pagesOf([...this.#listeners.values()])
    return pages.map((listeners, page) => ({ revision, page, pages: pages.length, listeners }))
  }
}

const pagesOf = (listeners: readonly Listener[]): readonly (readonly ListenerPatterns[])[] => {
  const pages: { group: string | null; patterns: string[] }[][] = [[]]
  const groups = new Map<string | null, string[]>()
  let bytes = 0
  for (const [group, pattern] of listeners) {
    const size = Buffer.byteLength(JSON.stringify([group, pattern]))
    if (bytes > 0 && bytes + size > MAX_PAGE_BYTES) {
      pages.push([])
      groups.clear()
      bytes = 0
    }
    bytes += size
    let patterns = groups.get(group)
    if (!patterns) {
      groups.set(group, (patterns = []))
      pages.at(-1)?.push({ group, patterns })
    }
    patterns.push(pattern)
  }
  return pages
}
