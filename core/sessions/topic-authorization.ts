import { RookeryError } from '../protocol/errors.ts'
import type { Frame } from '../protocol/frame.ts'
import type { Subscriber } from './fan-out.ts'
import type { Session } from './session.ts'
import type { TopicDecisions } from './topic-decisions.ts'

/** The session whose messages are authorized. */
export interface AuthorizedSession extends Session, Subscriber {
  /** Whether the session has taken a frame of the delivery under way already. */
  hasTaken(frame: Frame): boolean
  /** Queues a frame for the client. */
  pass(frame: Frame): void
  /** Whether the session receives a topic by a pattern whose topics are checked one by one (`perTopic`), or by another pattern. */
  receives(topic: string, perTopic: boolean): boolean
}

/** The app, as topic authorization sees it. */
export interface TopicAuthorizationHost {
  readonly limits: { readonly maxBuffered: number }
  readonly decisions: TopicDecisions
}

/**
 * Receives the messages of patterns whose topics have to be authorized one by one. Each topic is checked before its
 * first message. A message that waits for a check holds up all later published messages of the session, so that they keep
 * their order.
 */
export class TopicAuthorization implements Subscriber {
  readonly id: string
  readonly client: string
  readonly #session: AuthorizedSession
  readonly #host: TopicAuthorizationHost
  /** Frames that wait, in the order of publishing, and actions between them. Each frame is decided about when it is the first. */
  #queue: ({ readonly frame: Frame; readonly topics: readonly string[] } | (() => void))[] = []
  #bytes = 0
  /** Only decisions about later questions count. So a client that reconnects gets no decision of an earlier session. */
  #since: number
  /** The wait for the decision about the first frame. */
  #wait: object | undefined

  constructor(session: AuthorizedSession, host: TopicAuthorizationHost) {
    this.id = session.id
    this.client = session.client
    this.#session = session
    this.#host = host
    this.#since = host.decisions.questions
  }

  get places(): Subscriber['places'] {
    return this.#session.places
  }

  /** Whether frames wait. */
  get holds(): boolean {
    return this.#queue.length > 0
  }

  deliver(frame: Frame, topic: string, topics: readonly string[]): void {
    const session = this.#session
    // The session may have closed while other sessions took the same frame.
    if (session.closed || session.hasTaken(frame)) return
    const { decisions } = this.#host
    let decision = decisions.known(session, topic, this.#since)
    if (!decision) {
      // Another subscription of the session delivers the frame without a check.
      if (topics.some((other) => session.receives(other, false))) return
      decision = decisions.ask(session, topic)
    }
    if (decision.allowed === true && !this.holds) session.deliver(frame, topic, topics)
    else if (decision.allowed !== false) this.hold(frame, topics)
  }

  /** Makes a frame wait behind the others. */
  hold(frame: Frame, topics: readonly string[]): void {
    const last = this.#queue.at(-1)
    if (this.#session.closed || (typeof last === 'object' && last.frame === frame)) return
    this.#bytes += frame.bytes
    if (this.#bytes > this.#host.limits.maxBuffered) {
      this.#session.close(new RookeryError('slow_consumer'))
      return
    }
    this.#queue.push({ frame, topics })
    if (this.#queue.length === 1) this.#flush()
  }

  /** Calls `act` when the frames that wait now have been decided about. Call it only while frames wait. */
  afterHeld(act: () => void): void {
    this.#queue.push(act)
  }

  /** Forgets all decisions, because the session's rights have changed. Frames that wait are decided about anew. */
  reset(): void {
    this.#since = this.#host.decisions.questions
    this.#flush()
  }

  /** Drops the frames that wait. */
  clear(): void {
    this.#queue = []
    this.#bytes = 0
    this.#wait = undefined
  }

  /** Passes on or drops the first frames, until one of them waits for a decision. */
  #flush(): void {
    for (let first = this.#queue[0]; first && !this.#session.closed; first = this.#queue[0]) {
      if (typeof first === 'function') {
        this.#queue.shift()
        first()
        continue
      }
      const allowed = this.#decide(first.topics)
      if (allowed instanceof Promise) {
        const wait = {}
        this.#wait = wait
        void allowed.then(() => this.#wait === wait && this.#flush())
        return
      }
      this.#queue.shift()
      this.#bytes -= first.frame.bytes
      if (allowed) this.#session.pass(first.frame)
    }
  }

  /** Whether the session receives one of the topics now. */
  #decide(topics: readonly string[]): boolean | Promise<void> {
    const session = this.#session
    if (topics.some((topic) => session.receives(topic, false))) return true
    return this.allows(topics.filter((topic) => session.receives(topic, true)))
  }

  /** Asks the authorizers about topics: whether one of them is allowed. A promise resolves when it is time to ask again. */
  allows(topics: readonly string[]): boolean | Promise<void> {
    const session = this.#session
    const { decisions } = this.#host
    let pending: Promise<void> | undefined
    for (const topic of topics) {
      const { allowed } = decisions.known(session, topic, this.#since) ?? decisions.ask(session, topic)
      if (allowed === true) return true
      if (allowed !== false) pending ??= allowed
    }
    return pending ?? false
  }
}
