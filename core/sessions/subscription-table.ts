import { topicMatches } from '../topics/topic.ts'

/** The client subscribes to the pattern. */
export const BY_CLIENT = 1
/** The server subscribes the session to the pattern. */
export const BY_SERVER = 2
/** Each topic of the client's subscription has to be authorized. */
export const PER_TOPIC = 4

/** Whether the session receives a pattern with these flags, and no topic of it has to be authorized. */
export const isUnchecked = (flags: number): boolean =>
  (flags & BY_SERVER) !== 0 || (flags & (BY_CLIENT | PER_TOPIC)) === BY_CLIENT

/** The flags are the last bits of an entry; the place is the rest. */
const PLACE = 8

/**
 * The patterns of a session: the subscriber of each of them (flags), and the session's place among the subscribers of
 * the pattern.
 *
 * Each entry is one number. An object for each subscription would take 40 bytes more, 2 MB for each subscription of
 * 50,000 sessions.
 */
export class SubscriptionTable {
  readonly #entries = new Map<string, number>()

  get patterns(): IterableIterator<string> {
    return this.#entries.keys()
  }

  /** Calls back with each pattern, its flags and its place. */
  visit(act: (pattern: string, flags: number, place: number) => void): void {
    for (const [pattern, entry] of this.#entries) act(pattern, entry % PLACE, Math.floor(entry / PLACE))
  }

  /** Flags of a pattern; 0 if the session does not receive it. */
  flags(pattern: string): number {
    return (this.#entries.get(pattern) ?? 0) % PLACE
  }

  /** Place of a pattern that the session receives. */
  place(pattern: string): number {
    return Math.floor((this.#entries.get(pattern) ?? 0) / PLACE)
  }

  set(pattern: string, flags: number, place: number): void {
    this.#entries.set(pattern, flags + place * PLACE)
  }

  /** Changes the place and keeps the flags. */
  moved(pattern: string, place: number): void {
    this.set(pattern, this.flags(pattern), place)
  }

  delete(pattern: string): void {
    this.#entries.delete(pattern)
  }

  clear(): void {
    this.#entries.clear()
  }
}

/**
 * Whether one of the patterns matches a topic. Counts only the patterns whose topics have to be authorized one by one
 * (`perTopic`), or only the other patterns.
 */
export const matchesOne = (
  table: SubscriptionTable,
  patterns: Iterable<string>,
  topic: string,
  perTopic: boolean,
): boolean => {
  for (const pattern of patterns) {
    const flags = table.flags(pattern)
    if (flags !== 0 && isUnchecked(flags) !== perTopic && topicMatches(pattern, topic)) return true
  }
  return false
}
