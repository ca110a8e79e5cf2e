import type { MessageFrame } from '../../core/protocol/protocol.ts'
import { compilePattern } from '../../core/topics/topic.ts'
import { isWanted, type ServerSubscription, wantedOf } from './server-subscription.ts'
import type { LocalSubscription } from './subscription.ts'
import type { SubscriptionRequests } from './subscription-requests.ts'

/** The patterns that the application or the server has subscriptions to. */
export class SubscriptionTable {
  readonly #requests: SubscriptionRequests
  readonly #byPattern = new Map<string, ServerSubscription>()

  constructor(requests: SubscriptionRequests) {
    this.#requests = requests
  }

  get entries(): ServerSubscription[] {
    return [...this.#byPattern.values()]
  }

  get all(): LocalSubscription[] {
    return this.entries.flatMap(({ locals }) => [...locals])
  }

  /** The listeners that need a subscription on the server. */
  get wanted(): LocalSubscription[] {
    return this.entries.flatMap(wantedOf)
  }

  /** The listeners that match one of the topics of a message, each once. */
  receiversOf({ topic, topics = [] }: MessageFrame): ReadonlySet<LocalSubscription> {
    const receivers = new Set<LocalSubscription>()
    const all = [topic, ...topics]
    for (const { matches, locals } of this.#byPattern.values()) {
      if (all.some(matches)) for (const subscription of locals) receivers.add(subscription)
    }
    return receivers
  }

  find(pattern: string): ServerSubscription | undefined {
    return this.#byPattern.get(pattern)
  }

  /** Returns the entry of a pattern, and creates it if need be. */
  get(pattern: string): ServerSubscription {
    let entry = this.#byPattern.get(pattern)
    if (!entry) {
      const matches = compilePattern(pattern)
      entry = { pattern, matches, locals: new Set(), held: false, pending: undefined }
      this.#byPattern.set(pattern, entry)
    }
    return entry
  }

  /** Marks a pattern as due, or forgets it if neither the application nor the server has a subscription to it. */
  mark(entry: ServerSubscription): void {
    // A listener that was told of a state may have cancelled and subscribed again: then the map has a new entry.
    if (this.#byPattern.get(entry.pattern) !== entry) return
    if (isWanted(entry) || entry.held || entry.pending) {
      this.#requests.add(entry)
      return
    }
    this.#requests.delete(entry)
    if (entry.locals.size === 0) this.#byPattern.delete(entry.pattern)
  }

  /** Asks again for the patterns that the server has refused for now. */
  retry(): void {
    for (const entry of this.entries) {
      if (entry.pending !== 'retry') continue
      entry.pending = undefined
      this.mark(entry)
    }
  }
}
