import { RookeryError } from '../protocol/errors.ts'
import { isPromiseLike } from '../util/promise-like.ts'
import type { Session } from './live-session.ts'

/** What a session wants to do: receive a topic, send to it, or join a room (then the topic is the room's name). */
export type Action = 'subscribe' | 'send' | 'join'

/** Says what sessions may do. All that an app has must agree. */
export interface Authorizer {
  /** Whether a session may do this to a topic. What it throws refuses, and reaches the client if it has a code. */
  authorize(session: Session, action: Action, topic: string): boolean | Promise<boolean>
  /**
   * Whether a session may subscribe to a pattern with wildcards: only when all that it covers is allowed. `each`: it
   * cannot be told, so every topic is asked before its first message.
   */
  authorizePattern(session: Session, pattern: string): boolean | 'each'
}

/** Asks the authorizers. Without any, everything is allowed and costs nothing. */
export class Access {
  readonly #authorizers = new Set<Authorizer>()

  /** Whether nobody has to be asked. */
  get unlimited(): boolean {
    return this.#authorizers.size === 0
  }

  add(authorizer: Authorizer): () => void {
    this.#authorizers.add(authorizer)
    return () => this.#authorizers.delete(authorizer)
  }

  /** Returns at once when the answer is known at once. @throws `forbidden` */
  check(session: Session, action: Action, topic: string): void | Promise<void> {
    const waiting: PromiseLike<boolean>[] = []
    try {
      for (const authorizer of this.#authorizers) {
        const allowed: unknown = authorizer.authorize(session, action, topic)
        if (isPromiseLike<boolean>(allowed)) waiting.push(allowed)
        else if (allowed !== true) throw refusal(action, topic)
      }
    } catch (error) {
      // The answer is known without those, which may still fail.
      Promise.all(waiting).catch(() => {})
      throw error
    }
    if (waiting.length === 0) return
    return Promise.all(waiting).then((all) => {
      if (all.some((allowed) => allowed !== true)) throw refusal(action, topic)
    })
  }

  /**
   * Checks a pattern that a client subscribes to; answers whether each of its topics has to be asked for.
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
