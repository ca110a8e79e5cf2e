import type { Frame } from './frame.ts'
import type { Subscriber } from './guard.ts'
import { Matcher } from './matcher.ts'

/** Fans messages out to the sessions that subscribe to them. */
export class Delivery {
  readonly #matcher = new Matcher<Subscriber>()
  readonly #interest: (pattern: string, wanted: boolean) => void

  /** @param interest told of the first session that wants a pattern, and of the last that no longer does */
  constructor(interest: (pattern: string, wanted: boolean) => void) {
    this.#interest = interest
  }

  subscribe(pattern: string, subscriber: Subscriber): void {
    if (this.#matcher.add(pattern, subscriber)) this.#interest(pattern, true)
  }

  unsubscribe(pattern: string, subscriber: Subscriber): void {
    if (this.#matcher.remove(pattern, subscriber)) this.#interest(pattern, false)
  }

  /** Number of patterns and trie nodes in use, for leak checks. */
  get size(): { readonly patterns: number; readonly nodes: number } {
    return { patterns: this.#matcher.patterns, nodes: this.#matcher.nodes }
  }

  /**
   * Queues a frame at every session that subscribes to one of the topics, once each.
   *
   * @throws `unserializable`, whether anybody subscribes or not
   */
  deliver(topics: readonly string[], frame: Frame, except: string | null): void {
    // Encoded now: the payload may change once the publisher goes on.
    void frame.text
    for (const topic of topics) {
      for (const subscribers of this.#matcher.match(topic)) {
        // The outbox takes the same frame twice in a row as one, so a session gets an event once.
        for (const one of subscribers) if (one.id !== except) one.deliver(frame, topic, topics)
      }
    }
  }
}
