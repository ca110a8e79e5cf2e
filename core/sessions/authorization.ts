import { RookeryError } from '../protocol/errors.ts'
import { isPromiseLike } from '../util/promises.ts'
import type { Session } from './session.ts'

/** What a session wants to do: receive a topic, send to it, or join a room. For `join` the topic is the room's name. */
export type Action = 'subscribe' | 'send' | 'join'

/** Decides what sessions may do. If an app has several authorizers, all of them must allow it. */
export interface Authorizer {
  /** Whether a session may do this to a topic. A thrown error refuses; the client sees it if it has a public code. */
  authorize(session: Session, action: Action, topic: string): boolean | Promise<boolean>
  /**
   * Whether a session may subscribe to a pattern with wildcards. `true` allows all topics that the pattern covers.
   * `'each'` means that the pattern alone does not decide: the server asks for every topic before its first message.
   */
  authorizePattern(session: Session, pattern: string): boolean | 'each'
  /**
   * Says which sessions share the decisions about topics of patterns with `'each'`: all for which this returns the same
   * string. MUST return undefined if a decision depends on more of the session than the string tells. Called for each
   * message, so it MUST be cheap. Without it, a decision holds for one session.
   */
  sharedBy?(session: Session): string | undefined
}

/** Asks the authorizers of an app. Without an authorizer everything is allowed, and the check costs nothing. */
export class Authorization {
  readonly #authorizers = new Set<Authorizer>()

  /** Whether there is no authorizer. */
  get unlimited(): boolean {
    return this.#authorizers.size === 0
  }

  /** Adds an authorizer. Returns a function that removes it. */
  add(authorizer: Authorizer): () => void {
    this.#authorizers.add(authorizer)
    return () => this.#authorizers.delete(authorizer)
  }

  /** Sessions with the same string have the same rights. Undefined: the rights may be the session's own. */
  sharedBy(session: Session): string | undefined {
    let all = ''
    for (const authorizer of this.#authorizers) {
      const shared = authorizer.sharedBy?.(session)
      if (shared === undefined) return undefined
      all += `${shared.length} ${shared}`
    }
    return all
  }

  /** Checks an action. Returns a promise only if an authorizer does. @throws `forbidden` */
  check(session: Session, action: Action, topic: string): void | Promise<void> {
    const waiting: PromiseLike<boolean>[] = []
    try {
      for (const authorizer of this.#authorizers) {
        const allowed: unknown = authorizer.authorize(session, action, topic)
        if (isPromiseLike<boolean>(allowed)) waiting.push(allowed)
        else if (allowed !== true) throw refusal(action, topic)
      }
    } catch (error) {
      // The action is refused already. A pending authorizer may still reject.
      Promise.all(waiting).catch(() => {})
      throw error
    }
    if (waiting.length === 0) return
    return Promise.all(waiting).then((all) => {
      if (all.some((allowed) => allowed !== true)) throw refusal(action, topic)
    })
  }

  /**
   * Checks a pattern that a client subscribes to. Returns whether each of its topics has to be checked, too.
   *
   * @throws `forbidden`
   */
  checkPattern(session: Session, pattern: string): boolean | Promise<boolean> {
    if (!pattern.includes('*')) {
      const checked = this.check(session, 'subscribe', pattern)
      return checked ? checked.then(() => false) : false
    }
    let each = false
    for (const authorizer of this.#authorizers) {
      const allowed = authorizer.authorizePattern(session, pattern)
      if (allowed !== true && allowed !== 'each') throw refusal('subscribe', pattern)
      each ||= allowed === 'each'
    }
    return each
  }
}

const refusal = (action: Action, topic: string): RookeryError =>
  new RookeryError('forbidden', `You may not ${action} ${JSON.stringify(topic)}`)

/** Whether an error is a plain refusal. Any other error of an authorizer is a fault of the authorizer. */
export const isForbidden = (error: unknown): boolean =>
  (error as { code?: unknown } | null)?.code === 'forbidden'
