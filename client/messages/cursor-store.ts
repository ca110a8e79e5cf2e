import { invalidOption } from '../util/invalid-option.ts'

/** Shortest time between two writes, in milliseconds. */
const SAVE_INTERVAL_MS = 1_000

/** A place for the cursor, such as `localStorage`. */
export type CursorStorage = Pick<Storage, 'getItem' | 'setItem'>

/** Knows the cursor that a client begins with, and saves its later ones. */
export class CursorStore {
  /** The cursor of an earlier client. */
  readonly initial: string | null
  readonly #storage: CursorStorage | undefined
  readonly #key: string
  #cursor = ''
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @throws `invalid_option` */
  constructor(cursor: string | null | undefined, storage: CursorStorage | undefined, key = 'rookery.cursor') {
    if (cursor !== undefined && cursor !== null && (typeof cursor !== 'string' || !cursor))
      throw invalidOption('cursor', 'a cursor of client.cursor', cursor)
    if (storage !== undefined && (!storage?.getItem || !storage.setItem))
      throw invalidOption('cursorStorage', 'a storage such as localStorage', storage)
    if (typeof key !== 'string') throw invalidOption('cursorKey', 'a string', key)
    this.#storage = storage
    this.#key = key
    this.initial = cursor ?? (this.#attempt((storage) => storage.getItem(key)) || null)
  }

  /** Saves a cursor soon. */
  changed(cursor: string): void {
    if (!this.#storage) return
    this.#cursor = cursor
    if (this.#timer) return
    this.#timer = setTimeout(this.save, SAVE_INTERVAL_MS)
    globalThis.document?.addEventListener('visibilitychange', this.#onVisibility)
  }

  /** Saves the cursor now, if it has changed. */
  readonly save = (): void => {
    if (!this.#timer) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    globalThis.document?.removeEventListener('visibilitychange', this.#onVisibility)
    this.#attempt((storage) => storage.setItem(this.#key, this.#cursor))
  }

  /** The last event that a page can rely on. */
  readonly #onVisibility = (): void => {
    if (document.visibilityState === 'hidden') this.save()
  }

  #attempt<T>(act: (storage: CursorStorage) => T): T | undefined {
    try {
      return this.#storage && act(this.#storage)
    } catch {
      // The page may not use storage, or the storage is full: then a later client begins with the next message.
      return undefined
    }
  }
}
