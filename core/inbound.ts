import { RookeryError } from './errors.ts'
import { Frame } from './frame.ts'
import { type ClientFrame, checkClientFrame, type InvalidFrame, parseClientFrame } from './protocol.ts'
import { RateLimit } from './rate.ts'
import type { Session } from './session.ts'
import type { SessionHost } from './session-host.ts'

/** Takes a session's frames in: checks them, keeps to the rate limit, and answers. */
export class Inbound {
  readonly #session: Session
  readonly #host: SessionHost
  readonly #rate: RateLimit

  constructor(session: Session, host: SessionHost) {
    this.#session = session
    this.#host = host
    this.#rate = new RateLimit(host.limits.messageRate, host.limits.messageBurst, performance.now())
  }

  receive(input: string | ClientFrame | InvalidFrame): void {
    const rate = this.#rate.take(performance.now())
    if (rate === 'exhausted') {
      this.#session.close(new RookeryError('rate_limited'))
      return
    }
    const frame = typeof input === 'string' ? parseClientFrame(input) : checkClientFrame(input)
    if (rate === 'empty') this.#session.refuse(new RookeryError('rate_limited'), frame.id)
    else this.#handle(frame)
  }

  #handle(frame: ClientFrame | InvalidFrame): void {
    switch (frame.type) {
      case 'invalid':
        this.#session.refuse(frame.error, frame.id)
        break
      case 'pong':
        break
      case 'subscribe':
        this.#answer(frame.id, () => {
          this.#session.patterns.addForClient(frame.topics)
          return { topics: frame.topics }
        })
        break
      case 'unsubscribe':
        this.#answer(frame.id, () => {
          this.#session.patterns.removeForClient(frame.topics)
          return { topics: frame.topics }
        })
        break
      case 'auth':
        this.#session.refuse(new RookeryError('forbidden', 'This app takes no tokens'), frame.id)
        break
      default:
        this.#host
          .dispatch(this.#session, frame)
          .then((payload) => this.#reply(frame.id, payload))
          .catch((error) =>
            this.#session.refuse(this.#host.expose(error, this.#session, frame.topic), frame.id),
          )
    }
  }

  #answer(id: number | undefined, act: () => unknown): void {
    try {
      this.#reply(id, act())
    } catch (error) {
      if (!(error instanceof RookeryError)) throw error
      this.#session.refuse(error, id)
    }
  }

  #reply(id: number | undefined, payload: unknown): void {
    if (id !== undefined) this.#session.push(new Frame({ type: 'reply', id, payload }))
  }
}
