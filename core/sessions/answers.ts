import type { RookeryError } from '../protocol/errors.ts'
import { Frame } from '../protocol/frame.ts'
import { isPromiseLike } from '../util/promises.ts'
import type { PeerSession } from './session.ts'

/** A session, as its answers see it. */
interface AnsweringSession extends PeerSession {
  /** Answers a frame with an error. */
  refuse(error: RookeryError, id?: number): void
}

/** The app, as the answers of a session see it. */
export interface AnswersHost {
  /** Changes whenever a session of this node gets a subscription or an address. */
  interestVersion(): number
  /** Resolves when messages of other nodes arrive for all subscriptions so far. Undefined if they do already. */
  settled(): Promise<void> | undefined
  /** Returns the part of an error that a client may see, and logs the rest. */
  expose(error: unknown, session: PeerSession, topic: string): RookeryError
}

/** Answers the frames of a session. */
export class Answers {
  readonly #session: AnsweringSession
  readonly #host: AnswersHost

  constructor(session: AnsweringSession, host: AnswersHost) {
    this.#session = session
    this.#host = host
  }

  /**
   * Replies with the result or the error of `act`. Returns a promise only if `act` does.
   *
   * @param send sends the reply instead
   */
  answer(
    id: number | undefined,
    topic: string,
    act: () => unknown,
    send?: (payload: unknown) => void,
  ): void | Promise<void> {
    const version = this.#host.interestVersion()
    try {
      const payload = act()
      if (!isPromiseLike(payload)) this.#reply(id, payload, version, send)
      else
        return Promise.resolve(payload)
          .then((payload) => this.#reply(id, payload, version, send))
          .catch((error) => this.#refuse(id, topic, error))
    } catch (error) {
      this.#refuse(id, topic, error)
    }
  }

  #refuse(id: number | undefined, topic: string, error: unknown): void {
    this.#session.refuse(this.#host.expose(error, this.#session, topic), id)
  }

  /** Replies. If subscriptions were added since a version, waits until messages of other nodes arrive for them. */
  #reply(
    id: number | undefined,
    payload: unknown,
    version: number,
    send: ((payload: unknown) => void) | undefined,
  ): void {
    if (id === undefined && !send) return
    const settled = version === this.#host.interestVersion() ? undefined : this.#host.settled()
    const act = send ? () => send(payload) : this.#replyOf(id as number, payload)
    if (settled) void settled.then(act)
    else act()
  }

  /** Encodes a reply now: the payload may change while the reply waits. */
  #replyOf(id: number, payload: unknown): () => void {
    const frame = new Frame({ type: 'reply', id, payload })
    void frame.text
    return () => this.#session.push(frame)
  }
}
