import type { ChatMessage } from '../contract.ts'

/** A message or a note in the list. */
export interface Entry {
  readonly id: string
  readonly kind: 'message' | 'note'
  /** The author of the message, or the subject of the note. */
  readonly from: string
  readonly text: string
  readonly at: number
  /** `pending` until the server has accepted the message. */
  state: 'pending' | 'failed' | 'sent'
}

/** Most entries that a page keeps. */
const MAX_ENTRIES = 500

/** Messages of one person within this time are shown as a group, in milliseconds. */
const GROUP_WITHIN_MS = 3 * 60_000

/** Whether an entry belongs to the group of the entry before it. */
export const continues = (entry: Entry, before: Entry | undefined): boolean =>
  before !== undefined &&
  before.kind === 'message' &&
  entry.kind === 'message' &&
  before.from === entry.from &&
  entry.at - before.at < GROUP_WITHIN_MS

/**
 * The entries of a room in order, each once. Messages that the server has accepted are ordered by the server's time.
 * Pending messages are at the end.
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

  /** Adds an entry of this page: a message that the user sends, or a note. */
  add(entry: Entry): void {
    this.#insert(entry)
  }

  /**
   * Adds a message of the server.
   *
   * @returns whether the message is new
   */
  take({ id, from, text, at }: ChatMessage): boolean {
    const known = this.#byId.get(id)
    if (known?.state === 'sent') return false
    if (known) this.remove(id)
    this.#insert({ id, kind: 'message', from, text, at, state: 'sent' })
    return known === undefined
  }

  /** Marks a pending message as not sent. */
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
    if (this.#entries.length > MAX_ENTRIES) this.remove(this.#entries[0]!.id)
  }
}
