import { RookeryError } from '../protocol/errors.ts'
import type { Frame } from '../protocol/frame.ts'
import type { Session } from './live-session.ts'
import type { SessionHost } from './session-host.ts'

/** Whatever receives the messages of a pattern. */
export interface Subscriber {
  /** Id of its session. */
  readonly id: string
  /** Those of its session: told of the place that it has among the subscribers of a pattern. */
  readonly patterns: { moved(pattern: string, place: number): void }
  /**
   * @param topic the topic of the event by which the frame came
   * @param topics all topics of the event
   */
  deliver(frame: Frame, topic: string, topics: readonly string[]): void
}

/** Most topics that are remembered of a session; the oldest are asked for again. */
const REMEMBERED = 10_000

/**
 * Receives for a session what it may only receive topic by topic: each topic is asked for before its first message,
 * and what comes meanwhile waits.
 */
export class Guard implements Subscriber {
  readonly id: string
  readonly #session: Session
  readonly #host: SessionHost
  /** Topics that have been decided, or the frames that wait for it. */
  readonly #topics = new Map<string, boolean | Frame[]>()
  /** Frames that have been let through while topics were being asked for: an event may have several topics. */
  #passed = new WeakSet<Frame>()
  /** The frame let through last: the other topics of its event come right after. */
  #last: Frame | undefined
  /** Counts how often decisions have been forgotten. */
  #generation = 0
  #asking = 0
  #waitingBytes = 0

  constructor(session: Session, host: SessionHost) {
    this.id = session.id
    this.#session = session
    this.#host = host
  }

  get patterns(): Subscriber['patterns'] {
    return this.#session.patterns
  }

  deliver(frame: Frame, topic: string, topics: readonly string[]): void {
    // Others may close it while they get the same frame: nobody is asked for it then.
    if (this.#session.closed) return
    const known = this.#topics.get(topic)
    if (known === true) this.#pass(frame)
    if (typeof known === 'boolean' || frame === this.#last) return
    // What reaches the session by another subscription needs no asking.
    const { patterns } = this.#session
    if (topics.some((other) => patterns.coversFreely(other))) return
    if (known) this.#wait(known, frame)
    else this.#ask(frame, topic)
  }

  /** Forgets what has been decided: the session's rights have changed. */
  forget(): void {
    this.#generation++
    for (const [topic, known] of this.#topics) if (typeof known === 'boolean') this.#topics.delete(topic)
  }

  #ask(frame: Frame, topic: string): void {
    try {
      const asked = this.#host.access.check(this.#session, 'subscribe', topic)
      if (!asked) {
        this.#decide(topic, true)
        this.#pass(frame)
        return
      }
      this.#asking++
      const waiting: Frame[] = []
      this.#topics.set(topic, waiting)
      this.#wait(waiting, frame)
      const generation = this.#generation
      const settle = (allowed: boolean) => {
        if (generation === this.#generation) this.#settle(topic, waiting, allowed)
        else this.#askAgain(topic, waiting)
      }
      asked.then(
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
    if (this.#asking > 0) {
      if (this.#passed.has(frame)) return
      this.#passed.add(frame)
    }
    this.#last = frame
    this.#session.deliver(frame)
  }

  #wait(waiting: Frame[], frame: Frame): void {
    if (waiting.at(-1) === frame) return
    this.#waitingBytes += frame.text.length
    if (this.#waitingBytes > this.#host.limits.maxBuffered)
      this.#session.close(new RookeryError('slow_consumer'))
    else waiting.push(frame)
  }

  #report(error: unknown): void {
    if (!isForbidden(error)) this.#host.report(error, this.#session, 'authorize')
  }

  #settle(topic: string, waiting: Frame[], allowed: boolean): void {
    for (const frame of waiting) {
      this.#waitingBytes -= frame.text.length
      if (allowed) this.#pass(frame)
    }
    this.#decide(topic, allowed)
    if (--this.#asking === 0) this.#passed = new WeakSet()
  }

  /** The session's rights have changed while it was asked: what was said is of the old ones. */
  #askAgain(topic: string, waiting: Frame[]): void {
    this.#topics.delete(topic)
    this.#asking--
    for (const frame of waiting) {
      this.#waitingBytes -= frame.text.length
      this.deliver(frame, topic, [topic])
    }
  }

  #decide(topic: string, allowed: boolean): void {
    this.#topics.delete(topic)
    this.#topics.set(topic, allowed)
    if (this.#topics.size <= REMEMBERED) return
    const [oldest] = this.#topics.keys()
    if (typeof this.#topics.get(oldest as string) === 'boolean') this.#topics.delete(oldest as string)
  }
}

/** Whether an error is a plain no, and not what went wrong when somebody was asked. */
export const isForbidden = (error: unknown): boolean =>
  (error as { code?: unknown } | null)?.code === 'forbidden'
