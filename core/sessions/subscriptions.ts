import { RookeryError } from '../protocol/errors.ts'
import type { Frame } from '../protocol/frame.ts'
import { type Authorization, isForbidden } from './authorization.ts'
import type { FanOut, Subscriber } from './fan-out.ts'
import { type AllowedPattern, authorizePattern, type CheckedPattern } from './pattern-check.ts'
import type { Session } from './session.ts'
import type { SubscribeResult } from './subscribe-reply.ts'
import {
  BY_CLIENT,
  BY_SERVER,
  isUnchecked,
  matchesOne,
  PER_TOPIC,
  SubscriptionTable,
} from './subscription-table.ts'
import {
  type AuthorizedSession,
  TopicAuthorization,
  type TopicAuthorizationHost,
} from './topic-authorization.ts'

/** A session, as its subscriptions see it. */
export type SubscribingSession = AuthorizedSession

/** The app, as a session's subscriptions see it. */
export interface SubscriptionsHost extends TopicAuthorizationHost {
  readonly limits: { readonly maxBuffered: number; readonly maxSubscriptions: number }
  readonly fanOut: FanOut
  /** Checks a pattern that a client subscribes to. @throws `invalid_pattern`, `reserved_topic` */
  checkPattern(pattern: string): void
  readonly authorization: Authorization
  report(error: unknown, session: Session, stage: string): void
  /** Logs that a pattern of a client was refused. */
  refusedPattern(error: unknown, session: Session, pattern: string): void
}

/** The patterns that a session receives: for its client, for the server, or for both. */
export class Subscriptions {
  readonly #session: SubscribingSession
  readonly #host: SubscriptionsHost
  readonly #table = new SubscriptionTable()
  #topicAuthorization: TopicAuthorization | undefined
  #ofClient = 0

  constructor(session: SubscribingSession, host: SubscriptionsHost) {
    this.#session = session
    this.#host = host
  }

  get list(): readonly string[] {
    return [...this.#table.patterns]
  }

  /** Told by the fan-out that the session's place among the subscribers of a pattern has changed. */
  moved(pattern: string, place: number): void {
    this.#table.moved(pattern, place)
  }

  /**
   * Adds each pattern for the client, or refuses it: with `invalid_pattern`, `reserved_topic`,
   * `too_many_subscriptions`, `forbidden`, or the error of an authorizer. Never throws. Returns a promise only if an
   * authorizer does.
   *
   * @param added called once, when patterns have been added
   */
  addForClient(patterns: readonly string[], added?: () => void): SubscribeResult | Promise<SubscribeResult> {
    const { user } = this.#session
    const checks = this.#checkAll(new Set(patterns))
    if (!checks.some((check) => check instanceof Promise))
      return this.#addAll(checks as CheckedPattern[], added)
    return Promise.all(checks).then((checked) =>
      // If the user's rights have changed during the check, it does not count.
      this.#session.user === user ? this.#addAll(checked, added) : this.addForClient(patterns, added),
    )
  }

  removeForClient(patterns: readonly string[]): void {
    for (const pattern of patterns) if (this.#remove(pattern, BY_CLIENT | PER_TOPIC)) this.#ofClient--
  }

  addForServer(pattern: string): void {
    this.#set(pattern, this.#table.flags(pattern) | BY_SERVER)
  }

  removeForServer(pattern: string): void {
    this.#remove(pattern, BY_SERVER)
  }

  /** Whether a pattern matches the topic, of the patterns whose topics are checked one by one or of the others. */
  matches(topic: string, perTopic: boolean): boolean {
    return matchesOne(this.#table, this.#table.patterns, topic, perTopic)
  }

  /** Makes a frame wait if earlier frames wait for a decision about their topic. Returns whether it does. */
  hold(frame: Frame, topics: readonly string[]): boolean {
    if (!this.holds) return false
    this.#authorizer.hold(frame, topics)
    return true
  }

  /** Calls `act` when all frames that wait for a decision have been decided about, which may be now. */
  afterHeld(act: () => void): void {
    if (this.holds) this.#authorizer.afterHeld(act)
    else act()
  }

  /** Whether frames wait for a decision. */
  get holds(): boolean {
    return this.#topicAuthorization?.holds === true
  }

  /** Whether the session receives one of the topics now, by one of these patterns. */
  allows(patterns: readonly string[], topics: readonly string[]): boolean | Promise<void> {
    if (patterns.every((pattern) => isUnchecked(this.#table.flags(pattern)))) return true
    const matching = (perTopic: boolean) =>
      topics.filter((topic) => matchesOne(this.#table, patterns, topic, perTopic))
    return matching(false).length > 0 || this.#authorizer.allows(matching(true))
  }

  /**
   * Authorizes the client's patterns again, removes the denied patterns, and resolves with them. While a check is
   * under way, the topics of the pattern's messages are checked one by one.
   */
  async recheck(): Promise<readonly string[]> {
    const { user } = this.#session
    const denied: string[] = []
    const settle = (checked: CheckedPattern) => {
      const { pattern } = checked
      // A later change of the rights has its own check.
      if (!this.#has(pattern, BY_CLIENT) || this.#session.user !== user) return
      if (!('error' in checked)) {
        this.#setForClient(pattern, checked.perTopic)
        return
      }
      if (!isForbidden(checked.error)) this.#host.report(checked.error, this.#session, 'authorize')
      this.#host.refusedPattern(checked.error, this.#session, pattern)
      denied.push(pattern)
      this.removeForClient([pattern])
    }
    const pending: Promise<void>[] = []
    for (const pattern of this.list) {
      if (!this.#has(pattern, BY_CLIENT)) continue
      const check = authorizePattern(this.#host.authorization, this.#session, pattern)
      if (check instanceof Promise) {
        this.#setForClient(pattern, true)
        pending.push(check.then(settle))
      } else settle(check)
    }
    this.#topicAuthorization?.reset()
    await Promise.all(pending)
    return denied
  }

  clear(): void {
    this.#table.visit((pattern, _flags, place) => this.#host.fanOut.unsubscribe(pattern, place))
    this.#table.clear()
    this.#ofClient = 0
    this.#topicAuthorization?.clear()
  }

  /** Checks patterns, and at most `maxSubscriptions` new ones: a check may be expensive. */
  #checkAll(patterns: ReadonlySet<string>): (CheckedPattern | Promise<CheckedPattern>)[] {
    const { maxSubscriptions } = this.#host.limits
    let left = this.#ofClient < maxSubscriptions ? maxSubscriptions : 0
    return [...patterns].map((pattern) => {
      try {
        this.#host.checkPattern(pattern)
      } catch (error) {
        return { pattern, error }
      }
      const isNew = !this.#has(pattern, BY_CLIENT)
      if (isNew && left-- <= 0) return { pattern, error: tooMany(maxSubscriptions) }
      return authorizePattern(this.#host.authorization, this.#session, pattern)
    })
  }

  #addAll(checked: readonly CheckedPattern[], added: (() => void) | undefined): SubscribeResult {
    const topics: string[] = []
    const refused: { topic: string; error: unknown }[] = []
    if (this.#session.closed) return { topics, refused }
    for (const one of checked) {
      const error = 'error' in one ? one.error : this.#add(one)
      if (error === undefined) topics.push(one.pattern)
      else {
        this.#host.refusedPattern(error, this.#session, one.pattern)
        refused.push({ topic: one.pattern, error })
      }
    }
    if (topics.length > 0) added?.()
    return { topics, refused }
  }

  /** Adds an allowed pattern. Returns an error if the session has as many as it may have. */
  #add({ pattern, perTopic }: AllowedPattern): RookeryError | undefined {
    if (!this.#has(pattern, BY_CLIENT)) {
      const { maxSubscriptions } = this.#host.limits
      if (this.#ofClient >= maxSubscriptions) return tooMany(maxSubscriptions)
      this.#ofClient++
    }
    this.#setForClient(pattern, perTopic)
    return undefined
  }

  #setForClient(pattern: string, perTopic: boolean): void {
    const others = this.#table.flags(pattern) & ~PER_TOPIC
    this.#set(pattern, others | BY_CLIENT | (perTopic ? PER_TOPIC : 0))
  }

  #has(pattern: string, flag: number): boolean {
    return (this.#table.flags(pattern) & flag) !== 0
  }

  /** Removes flags of a pattern; returns whether it had one of them. */
  #remove(pattern: string, flags: number): boolean {
    if (!this.#has(pattern, flags)) return false
    this.#set(pattern, this.#table.flags(pattern) & ~flags)
    return true
  }

  /** Sets the flags of a pattern, and makes the fan-out agree with them. */
  #set(pattern: string, flags: number): void {
    const { fanOut } = this.#host
    const before = this.#table.flags(pattern)
    if (before === 0) {
      if (flags !== 0) this.#table.set(pattern, flags, fanOut.subscribe(pattern, this.#subscriber(flags)))
      return
    }
    const place = this.#table.place(pattern)
    if (flags === 0) {
      this.#table.delete(pattern)
      fanOut.unsubscribe(pattern, place)
      return
    }
    this.#table.set(pattern, flags, place)
    if (isUnchecked(flags) !== isUnchecked(before)) fanOut.replace(pattern, place, this.#subscriber(flags))
  }

  /** The subscriber that takes the messages of a pattern with these flags. */
  #subscriber(flags: number): Subscriber {
    return isUnchecked(flags) ? this.#session : this.#authorizer
  }

  get #authorizer(): TopicAuthorization {
    return (this.#topicAuthorization ??= new TopicAuthorization(this.#session, this.#host))
  }
}

const tooMany = (max: number): RookeryError =>
  new RookeryError('too_many_subscriptions', `A session may have ${max} subscriptions`)
