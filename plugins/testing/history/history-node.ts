import { expect } from 'vitest'
import type { HistoryLimits, HistoryStore, KeptMessage, NewMessage } from '../../../core/history/store.ts'

/** A message with one topic. */
export const message = (topic: string, payload?: unknown): NewMessage => ({
  topics: [topic],
  topic,
  payload: payload === undefined ? undefined : JSON.stringify(payload),
  except: null,
})

/** A started store, with a record of what its host was told. */
export class HistoryNode {
  readonly store: HistoryStore
  /** The messages that were delivered. */
  readonly delivered: KeptMessage[] = []
  /** The calls of `lost`. */
  readonly losses: string[] = []
  /** The calls of `available`. */
  readonly availability: boolean[] = []
  /** Called with each message before it is recorded. */
  onDeliver: (message: KeptMessage) => void = () => {}

  constructor(store: HistoryStore) {
    this.store = store
  }

  get seqs(): number[] {
    return this.delivered.map(({ seq }) => seq)
  }

  async start(limits: HistoryLimits): Promise<void> {
    const ignore = () => {}
    await this.store.start({
      limits,
      log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
      deliver: (kept) => {
        this.onDeliver(kept)
        this.delivered.push(kept)
      },
      lost: (reason) => void this.losses.push(reason),
      available: (isAvailable) => void this.availability.push(isAvailable),
    })
  }

  /** Appends messages one after the other. Returns their numbers. */
  async append(...messages: readonly NewMessage[]): Promise<number[]> {
    const seqs: number[] = []
    for (const one of messages) seqs.push(await this.store.append(one))
    return seqs
  }

  /** Reads everything of a range. The range must be kept. */
  async read(
    pattern: string | readonly string[],
    after: number,
    upTo: number,
  ): Promise<readonly KeptMessage[]> {
    const limit = Number.MAX_SAFE_INTEGER
    const found = await this.store.read([pattern].flat(), { after, upTo, limit })
    expect(found, 'HistoryStore.read MUST return the messages of a range that is kept').toBeDefined()
    return found ?? []
  }
}
