import type { Frame } from '../protocol/frame.ts'
import { PatternMap } from '../topics/pattern-trie.ts'
import type { Subscriber } from './topic-authorization.ts'

/** Fans messages out to the sessions that subscribe to them. */
export class Delivery {
  /**
   * Arrays, in which subscribers know their places. The table of a `Set` is made anew as values come and go, in 0.1 ms
   * for 500 of them, and those of patterns that always come together all at once.
   */
  readonly #subscribers = new PatternMap<Subscriber[]>()
  readonly #interest: (pattern: string, wanted: boolean) => void

  /** @param interest told of the first session that wants a pattern, and of the last that no longer does */
  constructor(interest: (pattern: string, wanted: boolean) => void) {
    this.#interest = interest
  }

  /** Returns the place that the subscriber has, until it is told of another. */
  subscribe(pattern: string, subscriber: Subscriber): number {
    const others = this.#subscribers.get(pattern)
    if (others) return others.push(subscriber) - 1
    this.#subscribers.add(pattern, [subscriber])
    this.#interest(pattern, true)
    return 0
  }

  /** Gives a place to another subscriber. */
  replace(pattern: string, place: number, subscriber: Subscriber): void {
    const subscribers = this.#subscribers.get(pattern)
    if (subscribers) subscribers[place] = subscriber
  }

  /** Takes away whoever has a place; the last one moves there. */
  unsubscribe(pattern: string, place: number): void {
    const subscribers = this.#subscribers.get(pattern)
    const last = subscribers?.pop()
    if (!subscribers || !last) return
    if (place < subscribers.length) {
      subscribers[place] = last
      last.patterns.moved(pattern, place)
    }
    if (subscribers.length > 0) return
    this.#subscribers.delete(pattern)
    this.#interest(pattern, false)
  }

  /** Number of patterns and trie nodes in use, for leak checks. */
  get size(): { readonly patterns: number; readonly nodes: number } {
    return { patterns: this.#subscribers.size, nodes: this.#subscribers.nodes }
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
      for (const subscribers of this.#subscribers.match(topic)) {
        // A copy, since a session that is too slow closes, and others move. The outbox takes the same frame twice in a row as
        // one, so a session gets an event once.
        for (const one of [...subscribers]) if (one.id !== except) one.deliver(frame, topic, topics)
      }
    }
  }
}
