import { isShallow } from './depth.ts'
import { RookeryError } from './errors.ts'
import { Frame } from './frame.ts'
import { type ClientFrame, checkClientFrame, type InvalidFrame, type SendFrame } from './protocol.ts'
import { RateLimit } from './rate.ts'
import { readClientFrame, tooDeep } from './read-frame.ts'
import type { Session } from './session.ts'
import type { SessionHost } from './session-host.ts'

const KIBIBYTE = 1024
/** For how many a frame counts, for each KiB begun, that its network has no room for. */
const SURCHARGE = 40

/** Takes a session's frames in: checks them, keeps to the limits, and answers. */
export class Inbound {
  readonly #session: Session
  readonly #host: SessionHost
  readonly #rate: RateLimit
  readonly #bytes: RateLimit
  /** What has to be answered first, while somebody is asked whether a subscription is allowed. */
  #before: Promise<void> | undefined

  constructor(session: Session, host: SessionHost) {
    this.#session = session
    this.#host = host
    const { messageRate, messageBurst, byteRate, byteBurst } = host.limits
    this.#rate = new RateLimit(messageRate, messageBurst, performance.now())
    this.#bytes = new RateLimit(byteRate, byteBurst, performance.now())
  }

  receive(
    input: string | ClientFrame | InvalidFrame,
    size = typeof input === 'string' ? input.length : 0,
  ): void {
    const now = performance.now()
    // Where all of a network have sent too much together, those who send most run out first.
    const weight = 1 + Math.floor(size / KIBIBYTE)
    const shared = this.#session.network?.tryTake(now, weight) ?? true
    const rate = this.#rate.take(now, shared ? 1 : SURCHARGE * weight)
    const bytes = this.#bytes.take(now, size)
    if (rate === 'exhausted' || bytes === 'exhausted') {
      this.#session.close(new RookeryError('rate_limited'))
      return
    }
    if (!shared && size > KIBIBYTE) {
      // Not even read, to know what to answer to: that alone is what an attacker wants it to cost.
      this.#session.refuse(new RookeryError('rate_limited'))
      return
    }
    const frame = this.#read(input)
    if (shared && rate === 'ok' && bytes === 'ok') this.#handle(frame)
    else this.#session.refuse(new RookeryError('rate_limited'), frame.id)
  }

  #read(input: string | ClientFrame | InvalidFrame): ClientFrame | InvalidFrame {
    const { maxDepth } = this.#host.limits
    if (typeof input === 'string') return readClientFrame(input, maxDepth)
    const frame = checkClientFrame(input)
    const deep = frame.type === undefined && !isShallow(frame, maxDepth)
    return deep ? tooDeep(maxDepth, frame.id) : frame
  }

  #handle(frame: ClientFrame | InvalidFrame): void {
    switch (frame.type) {
      case 'invalid':
        this.#session.refuse(frame.error, frame.id)
        break
      case 'pong':
        break
      case 'subscribe':
        this.#inOrder(() =>
          this.#answer(frame.id, () => this.#session.patterns.addForClient(frame.topics), {
            topics: frame.topics,
          }),
        )
        break
      case 'unsubscribe':
        this.#inOrder(() =>
          this.#answer(frame.id, () => this.#session.patterns.removeForClient(frame.topics), {
            topics: frame.topics,
          }),
        )
        break
      case 'auth':
        this.#settle(frame.id, this.#host.token(this.#session, frame.token), 'auth')
        break
      default:
        this.#settle(frame.id, this.#dispatch(frame), frame.topic)
    }
  }

  /** What is sent after a subscription may cause messages to it. */
  #dispatch(frame: SendFrame): Promise<unknown> {
    const dispatch = () => this.#host.dispatch(this.#session, frame)
    return this.#before ? this.#before.then(dispatch) : dispatch()
  }

  #settle(id: number | undefined, result: Promise<unknown>, topic: string): void {
    result
      .then((payload) => this.#reply(id, payload))
      .catch((error) => this.#session.refuse(this.#host.expose(error, this.#session, topic), id))
  }

  /** At once, unless something that came before waits for its answer. */
  #inOrder(act: () => void | Promise<void>): void {
    const done = this.#before ? this.#before.then(act) : act()
    if (!done) return
    const before = done.then(() => {
      if (this.#before === before) this.#before = undefined
    })
    this.#before = before
  }

  #answer(id: number | undefined, act: () => void | Promise<void>, payload: unknown): void | Promise<void> {
    const refuse = (error: unknown) =>
      this.#session.refuse(this.#host.expose(error, this.#session, 'subscribe'), id)
    try {
      const done = act()
      if (done) return done.then(() => this.#reply(id, payload)).catch(refuse)
      this.#reply(id, payload)
    } catch (error) {
      refuse(error)
    }
  }

  #reply(id: number | undefined, payload: unknown): void {
    if (id !== undefined) this.#session.push(new Frame({ type: 'reply', id, payload }))
  }
}
