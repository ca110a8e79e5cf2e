import { RookeryError } from '../protocol/errors.ts'
import { topicMatches } from '../topics/topic.ts'
import type { Session } from './live-session.ts'
import type { SessionHost } from './session-host.ts'
import { Guard, isForbidden, type Subscriber } from './topic-authorization.ts'

/** Who wants a pattern of a session: its client, the server, or both. */
const CLIENT = 1
const SERVER = 2
/** What the client receives by it has to be asked for, topic by topic. */
const GUARDED = 4
/** What is left of a number is the place among the pattern's subscribers: an object for each would be garbage. */
const PLACE = 8

/** A pattern that a client asks for, and whether its topics have to be asked for. */
interface Checked {
  readonly pattern: string
  readonly guarded: boolean
}

/** The patterns that a session receives, and on whose behalf. */
export class SessionPatterns {
  readonly #session: Session
  readonly #host: SessionHost
  /** Who wants it, and the place that it has. */
  readonly #wanted = new Map<string, number>()
  #guard: Guard | undefined
  #ofClient = 0

  constructor(session: Session, host: SessionHost) {
    this.#session = session
    this.#host = host
  }

  get list(): readonly string[] {
    return [...this.#wanted.keys()]
  }

  /**
   * Adds all patterns on the client's behalf, or throws and adds none; at once, unless somebody has to be asked.
   *
   * @throws `invalid_pattern`, `reserved_topic`, `too_many_subscriptions`, `forbidden`
   */
  addForClient(patterns: readonly string[]): void | Promise<void> {
    if (this.#session.closed) return
    for (const pattern of patterns) this.#host.checkPattern(pattern)
    this.#makeRoom(patterns)
    const { access } = this.#host
    if (access.unlimited) {
      this.#addAll(patterns.map((pattern) => ({ pattern, guarded: false })))
      return
    }
    const { user } = this.#session
    const checks = this.#checkAll(patterns)
    if (!checks.some((check) => check instanceof Promise)) {
      this.#addAll(checks as Checked[])
      return
    }
    return Promise.all(checks).then((checked) => {
      if (this.#session.closed) return
      // What was allowed to the user as it was may no longer be.
      if (this.#session.user !== user) return this.addForClient(patterns)
      this.#makeRoom(patterns)
      this.#addAll(checked)
    })
  }

  removeForClient(patterns: readonly string[]): void {
    for (const pattern of patterns) if (this.#remove(pattern, CLIENT | GUARDED)) this.#ofClient--
  }

  addForServer(pattern: string): void {
    this.#set(pattern, this.#bits(pattern) | SERVER)
  }

  removeForServer(pattern: string): void {
    this.#remove(pattern, SERVER)
  }

  /** Whether the session receives a topic by a pattern of which no topic has to be asked for. */
  coversFreely(topic: string): boolean {
    for (const [pattern, wanted] of this.#wanted) {
      if (isFree(wanted) && topicMatches(pattern, topic)) return true
    }
    return false
  }

  /** Asks again for all that the client has, and takes away what is no longer allowed; resolves with that. */
  async recheck(): Promise<readonly string[]> {
    this.#guard?.forget()
    const denied: string[] = []
    for (const [pattern, wanted] of [...this.#wanted]) {
      if ((wanted & CLIENT) === 0) continue
      try {
        const { guarded } = await this.#check(pattern)
        if (this.#has(pattern, CLIENT))
          this.#set(pattern, (this.#bits(pattern) & ~GUARDED) | (guarded ? GUARDED : 0))
      } catch (error) {
        if (!isForbidden(error)) this.#host.report(error, this.#session, 'authorize')
        if (this.#has(pattern, CLIENT)) denied.push(pattern)
        this.removeForClient([pattern])
      }
    }
    return denied
  }

  clear(): void {
    for (const [pattern, wanted] of this.#wanted) this.#host.delivery.unsubscribe(pattern, placeOf(wanted))
    this.#wanted.clear()
    this.#ofClient = 0
  }

  /** The session has another place among the subscribers of a pattern. */
  moved(pattern: string, place: number): void {
    this.#wanted.set(pattern, this.#bits(pattern) + place * PLACE)
  }

  #makeRoom(patterns: readonly string[]): void {
    const added = new Set(patterns.filter((pattern) => !this.#has(pattern, CLIENT)))
    const { maxSubscriptions } = this.#host.limits
    if (this.#ofClient + added.size <= maxSubscriptions) return
    throw new RookeryError('too_many_subscriptions', `A session may have ${maxSubscriptions} subscriptions`)
  }

  #checkAll(patterns: readonly string[]): (Checked | Promise<Checked>)[] {
    const checks: (Checked | Promise<Checked>)[] = []
    try {
      for (const pattern of patterns) checks.push(this.#check(pattern))
    } catch (error) {
      // Refused already, whatever the others may still say.
      Promise.all(checks).catch(() => {})
      throw error
    }
    return checks
  }

  #check(pattern: string): Checked | Promise<Checked> {
    const guarded = this.#host.access.checkPattern(this.#session, pattern)
    return guarded instanceof Promise
      ? guarded.then((each) => ({ pattern, guarded: each }))
      : { pattern, guarded }
  }

  #addAll(checked: readonly Checked[]): void {
    for (const { pattern, guarded } of checked) {
      if (!this.#has(pattern, CLIENT)) this.#ofClient++
      this.#set(pattern, (this.#bits(pattern) & ~GUARDED) | CLIENT | (guarded ? GUARDED : 0))
    }
  }

  #bits(pattern: string): number {
    return (this.#wanted.get(pattern) ?? 0) % PLACE
  }

  #has(pattern: string, who: number): boolean {
    return (this.#bits(pattern) & who) !== 0
  }

  #remove(pattern: string, who: number): boolean {
    if (!this.#has(pattern, who)) return false
    this.#set(pattern, this.#bits(pattern) & ~who)
    return true
  }

  /** Changes who wants a pattern, and with it who receives it. */
  #set(pattern: string, bits: number): void {
    const before = this.#wanted.get(pattern)
    if (before === undefined) {
      if (bits === 0) return
      this.#wanted.set(pattern, bits + this.#host.delivery.subscribe(pattern, this.#receiver(bits)) * PLACE)
    } else if (bits === 0) {
      this.#wanted.delete(pattern)
      this.#host.delivery.unsubscribe(pattern, placeOf(before))
    } else {
      const place = placeOf(before)
      const receiver = this.#receiver(bits)
      this.#wanted.set(pattern, bits + place * PLACE)
      if (receiver !== this.#receiver(before)) this.#host.delivery.replace(pattern, place, receiver)
    }
  }

  #receiver(wanted: number): Subscriber {
    if (isFree(wanted)) return this.#session
    this.#guard ??= new Guard(this.#session, this.#host)
    return this.#guard
  }
}

const placeOf = (wanted: number): number => Math.floor(wanted / PLACE)

const isFree = (wanted: number): boolean => (wanted & SERVER) !== 0 || (wanted & GUARDED) === 0
