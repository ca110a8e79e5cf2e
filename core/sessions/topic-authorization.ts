import { RookeryError } from '../protocol/errors.ts'
import type { Frame } from '../protocol/frame.ts'
import { type Authorization, isForbidden } from './authorization.ts'
import type { Subscriber } from './fan-out.ts'
import type { Session } from './session.ts'

/** Decisions kept for a session. The oldest decision is dropped, and its topic is checked again at the next message. */
const MAX_DECISIONS = 10_000

/** The session whose messages are authorized. */
export interface AuthorizedSession extends Session {
  readonly places: Subscriber['places']
  deliver(frame: Frame): void
  /** Whether the session receives a topic by a pattern whose topics need no check. */
  receivesUnchecked(topic: string): boolean
}

/** The app, as topic authorization sees it. */
export interface TopicAuthorizationHost {
  readonly limits: { readonly maxBuffered: number }
  readonly authorization: Authorization
  report(error: unknown, session: Session, stage: string): void
}

/**
 * Receives the messages of patterns whose topics have to be authorized one by one. Each topic is checked before its
 * first message; messages that come during the check wait for it.
 */
export class TopicAuthorization implements Subscriber {
  readonly id: string
  readonly #session: AuthorizedSession
  readonly #host: TopicAuthorizationHost
  /** The decision of each topic, or the frames that wait for it. */
  readonly #topics = new Map<string, boolean | Frame[]>()
  /** Frames delivered while checks were under way. An event may have several topics, and a session gets it once. */
  #delivered = new WeakSet<Frame>()
  /** The frame delivered last. The other topics of its event come right after it. */
  #last: Frame | undefined
  /** Number of times that the decisions have been dropped. */
  #generation = 0
  #checks = 0
  #waitingBytes = 0

  constructor(session: AuthorizedSession, host: TopicAuthorizationHost) {
    this.id = session.id
    this.#session = session
    this.#host = host
  }

  get places(): Subscriber['places'] {
    return this.#session.places
  }

  deliver(frame: Frame, topic: string, topics: readonly string[]): void {
    // The session may have closed while other sessions took the same frame.
    if (this.#session.closed) return
    const known = this.#topics.get(topic)
    if (known === true) this.#pass(frame)
    if (typeof known === 'boolean' || frame === this.#last) return
    // Another subscription of the session delivers the frame without a check.
    if (topics.some((other) => this.#session.receivesUnchecked(other))) return
    if (known) this.#wait(known, frame)
    else this.#check(frame, topic)
  }

  /** Drops all decisions, because the session's rights have changed. */
  reset(): void {
    this.#generation++
    for (const [topic, known] of this.#topics) if (typeof known === 'boolean') this.#topics.delete(topic)
  }

  #check(frame: Frame, topic: string): void {
    try {
      const checked = this.#host.authorization.check(this.#session, 'subscribe', topic)
      if (!checked) {
        this.#decide(topic, true)
        this.#pass(frame)
        return
      }
      this.#checks++
      const waiting: Frame[] = []
      this.#topics.set(topic, waiting)
      this.#wait(waiting, frame)
      const generation = this.#generation
      const settle = (allowed: boolean) => {
        if (generation === this.#generation) this.#settle(topic, waiting, allowed)
        else this.#checkAgain(topic, waiting)
      }
      checked.then(
        () => settle(true),
        (error) => {
          this.#report(error)
          settle(false)
        },
      )
    } catch (error) {
      this.#report(error)
      this.#decide(topic, false)
    }
  }

  #pass(frame: Frame): void {
    if (this.#checks > 0) {
      if (this.#delivered.has(frame)) return
      this.#delivered.add(frame)
    }
    this.#last = frame
    this.#session.deliver(frame)
  }

  #wait(waiting: Frame[], frame: Frame): void {
    if (waiting.at(-1) === frame) return
    this.#waitingBytes += frame.bytes
    if (this.#waitingBytes > this.#host.limits.maxBuffered)
      this.#session.close(new RookeryError('slow_consumer'))
    else waiting.push(frame)
  }

  #report(error: unknown): void {
    if (!isForbidden(error)) this.#host.report(error, this.#session, 'authorize')
  }

  #settle(topic: string, waiting: Frame[], allowed: boolean): void {
    for (const frame of waiting) {
      this.#waitingBytes -= frame.bytes
      if (allowed) this.#pass(frame)
    }
    this.#decide(topic, allowed)
    if (--this.#checks === 0) this.#delivered = new WeakSet()
  }

  /** The session's rights have changed during the check, so its result does not count. */
  #checkAgain(topic: string, waiting: Frame[]): void {
    this.#topics.delete(topic)
    this.#checks--
    for (const frame of waiting) {
      this.#waitingBytes -= frame.bytes
      this.deliver(frame, topic, [topic])
    }
  }

  #decide(topic: string, allowed: boolean): void {
    this.#topics.delete(topic)
    this.#topics.set(topic, allowed)
    if (this.#topics.size <= MAX_DECISIONS) return
    const [oldest] = this.#topics.keys()
    if (typeof this.#topics.get(oldest as string) === 'boolean') this.#topics.delete(oldest as string)
  }
}
