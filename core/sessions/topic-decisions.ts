import { RookeryError } from '../protocol/errors.ts'
import { LruMap } from '../util/lru-map.ts'
import { within } from '../util/promises.ts'
import { type Authorization, isForbidden } from './authorization.ts'
import type { Session } from './session.ts'

/** Decisions kept for all sessions of the app: about 10 MB. The least recently used decision is dropped, and asked for again. */
const MAX_DECISIONS = 50_000
/** Time for the authorizers to decide about a topic. After it, messages of the topic are dropped. */
const DECISION_WAIT_MS = 10_000
/** Time during which a topic is refused, and its authorizers are not asked, after an authorizer has failed. */
const FAULT_PAUSE_MS = 1000

/** A decision about a topic. It is a promise until the authorizers have decided; the promise does not reject. */
export interface Decision {
  readonly allowed: boolean | Promise<void>
}

interface Kept {
  allowed: boolean | Promise<void>
  /** Number of the question. */
  readonly question: number
  /** Time until which the decision is valid. */
  until: number
}

/** The decisions of the authorizers about topics, for all sessions. Sessions share them as the authorizers say. */
export class TopicDecisions {
  readonly #authorization: Authorization
  readonly #report: (error: unknown, session: Session) => void
  readonly #kept = new LruMap<{ decision?: Kept }>(() => ({}), MAX_DECISIONS)
  #questions = 0

  constructor(authorization: Authorization, report: (error: unknown, session: Session) => void) {
    this.#authorization = authorization
    this.#report = report
  }

  /** Number of questions so far. */
  get questions(): number {
    return this.#questions
  }

  /** Returns the decision for a session, if it was asked for after the first `since` questions. */
  known(session: Session, topic: string, since: number): Decision | undefined {
    const { decision } = this.#kept.get(this.#key(session, topic))
    return decision && decision.question > since && decision.until > performance.now() ? decision : undefined
  }

  /** Asks the authorizers. */
  ask(session: Session, topic: string): Decision {
    const decision: Kept = { allowed: false, question: ++this.#questions, until: Number.POSITIVE_INFINITY }
    const refused = (error: unknown) => {
      decision.allowed = false
      if (isForbidden(error)) return
      decision.until = performance.now() + FAULT_PAUSE_MS
      this.#report(error, session)
    }
    const late = () =>
      new RookeryError('internal', `No decision about ${topic} within ${DECISION_WAIT_MS} ms`)
    let checked: Promise<void> | undefined
    try {
      checked = this.#authorization.check(session, 'subscribe', topic) || undefined
      decision.allowed = true
    } catch (error) {
      refused(error)
    }
    // Only now: what the authorizers have looked at decides which sessions share the decision.
    const key = this.#key(session, topic)
    this.#kept.get(key).decision = decision
    if (checked) {
      const allow = () => {
        decision.allowed = true
        // Meanwhile, the authorizers have looked at the session: others must not use the decision.
        if (this.#key(session, topic) !== key) decision.until = 0
      }
      decision.allowed = within(DECISION_WAIT_MS, checked, late).then(allow, refused)
    }
    return decision
  }

  #key(session: Session, topic: string): string {
    const shared = this.#authorization.sharedBy(session)
    return shared === undefined ? `session ${session.id} ${topic}` : `shared ${shared} ${topic}`
  }
}
