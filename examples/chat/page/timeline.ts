import type { ChatMessage } from '../messages.ts'

/** A message or a note, as it stands in the list. */
export interface Entry {
  readonly id: string
  readonly kind: 'message' | 'note'
  /** Who wrote it, or whom the note is about. */
  readonly from: string
  readonly text: string
  readonly at: number
  /** `pending` until the server has taken it. */
  state: 'pending' | 'failed' | 'sent'
}

/** Most entries that a page keeps. */
const LIMIT = 500

/** Two messages of one person that are closer, in ms, stand together. */
const TOGETHER = 3 * 60_000

/** Whether an entry goes on where the one before it left off. */
export const continues = (entry: Entry, before: Entry | undefined): boolean =>
  before !== undefined &&
  before.kind === 'message' &&
  entry.kind === 'message' &&
  before.from === entry.from &&
  entry.at - before.at < TOGETHER

/**
 * The entries of a room in their order, each once: what the server has taken by the server's time, what
 * still waits for it at the end.
 */
export class Timeline {
  readonly #entries: Entry[] = []
  readonly #byId = new Map<string, Entry>()

  get entries(): readonly Entry[] {
    return this.#entries
  }

  get(id: string): Entry | undefined {
    return this.#byId.get(id)
  }

  /** Adds what is written here, or what is only seen here. */
  add(entry: Entry): void {
    this.#insert(entry)
  }

  /** Takes a message of the server; returns whether it is news. */
  take({ id, from, text, at }: ChatMessage): boolean {
    const known = this.#byId.get(id)
    if (known?.state === 'sent') return false
    if (known) this.remove(id)
    this.#insert({ id, kind: 'message', from, text, at, state: 'sent' })
    return known === undefined
  }

  /** What still waits has not worked out. */
  fail(id: string): void {
    const entry = this.#byId.get(id)
    if (entry?.state === 'pending') entry.state = 'failed'
  }

  remove(id: string): void {
    const entry = this.#byId.get(id)
    if (!entry) return
    this.#byId.delete(id)
    this.#entries.splice(this.#entries.indexOf(entry), 1)
  }

  #insert(entry: Entry): void {
    const later = this.#entries.findIndex(
      ({ kind, state, at }) =>
        entry.state !== 'pending' &&
        (state === 'pending' || (kind === 'message' && state === 'sent' && at > entry.at)),
    )
    this.#entries.splice(later < 0 ? this.#entries.length : later, 0, entry)
    this.#byId.set(entry.id, entry)
    if (this.#entries.length > LIMIT) this.remove(this.#entries[0]!.id)
  }
}
