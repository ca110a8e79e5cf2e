import type { Frame } from '../protocol/frame.ts'
import { PatternTrie } from '../topics/pattern-trie.ts'

/** Receives the messages of a pattern. */
export interface Subscriber {
  /** Id of the subscriber's session. */
  readonly id: string
  /** `session.client` of the subscriber's session. */
  readonly client: string
  /** Stores the subscriber's places. `moved` tells that its place among the subscribers of a pattern has changed. */
  readonly places: { moved(pattern: string, place: number): void }
  /**
   * Takes a frame. The same frame comes once for each of its topics and of the subscriber's patterns that match, always
   * with the same `frame.delivery`. That is 0 if the frame comes only once.
   *
   * @param topic the topic that matched
   * @param topics all topics of the event
   */
  deliver(frame: Frame, topic: string, topics: readonly string[]): void
}

/** Delivers messages to the sessions that subscribe to them. */
export class FanOut {
  /**
   * Arrays, in which each subscriber knows its place. Adding to and deleting from a `Set` rebuilds its hash table now
   * and then, which takes 0.1 ms for 500 subscribers, and the sets of patterns that are always used together rebuild
   * together.
   */
  readonly #subscribers = new PatternTrie<Subscriber[]>()
  readonly #interest: (pattern: string, wanted: boolean) => void
  #deliveries = 0
  #additions = 0

  /** @param interest called when a pattern gets its first subscriber and when it loses its last one */
  constructor(interest: (pattern: string, wanted: boolean) => void) {
    this.#interest = interest
  }

  /** Adds a subscriber and returns its place, which is valid until `moved` is called. */
  subscribe(pattern: string, subscriber: Subscriber): number {
    this.#additions++
    const others = this.#subscribers.get(pattern)
    if (others) return others.push(subscriber) - 1
    this.#subscribers.add(pattern, [subscriber])
    this.#interest(pattern, true)
    return 0
  }

  /** Puts another subscriber in a place. */
  replace(pattern: string, place: number, subscriber: Subscriber): void {
    const subscribers = this.#subscribers.get(pattern)
    if (subscribers) subscribers[place] = subscriber
  }

  /** Removes the subscriber in a place. The last subscriber moves there. */
  unsubscribe(pattern: string, place: number): void {
    const subscribers = this.#subscribers.get(pattern)
    const last = subscribers?.pop()
    if (!subscribers || !last) return
    if (place < subscribers.length) {
      subscribers[place] = last
      last.places.moved(pattern, place)
    }
    if (subscribers.length > 0) return
    this.#subscribers.delete(pattern)
    this.#interest(pattern, false)
  }

  /** Number of subscriptions that have been added so far. */
  get additions(): number {
    return this.#additions
  }

  /** Number of patterns and of trie nodes in use, for leak checks. */
  get size(): { readonly patterns: number; readonly nodes: number } {
    return { patterns: this.#subscribers.size, nodes: this.#subscribers.nodes }
  }

  /**
   * Queues a frame once for every session that subscribes to one of the topics. MUST NOT be called inside a delivery.
   *
   * @param except id of a session, or of the client of sessions, that does not get the frame
   * @throws `unserializable`, also if no session subscribes
   */
  deliver(topics: readonly string[], frame: Frame, except: string | null): void {
    void frame.text
    const matches = topics.map((topic) => this.#subscribers.match(topic))
    // A frame that comes once needs no number: writing one into each session is a third of the cost of a delivery.
    frame.delivery = matches.length === 1 && (matches[0]?.length ?? 0) <= 1 ? 0 : ++this.#deliveries
    for (let index = 0; index < topics.length; index++) {
      const topic = topics[index] as string
      for (const subscribers of matches[index] as (typeof matches)[number]) {
        // Iterate over a copy: a slow session closes here, and then others move.
        for (const one of [...subscribers]) if (!isExcepted(one, except)) one.deliver(frame, topic, topics)
      }
    }
  }
}

const isExcepted = ({ id, client }: Subscriber, except: string | null): boolean =>
  except !== null && (id === except || client === except)
