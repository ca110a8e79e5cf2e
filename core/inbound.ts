import { RookeryError } from './errors.ts'
import { Frame } from './frame.ts'
import type { Flow } from './intake.ts'
import { type ClientFrame, checkClientFrame, type InvalidFrame, type SendFrame } from './protocol.ts'
import { RateLimit } from './rate.ts'
import { excessive, readClientFrame } from './read-frame.ts'
import type { Session } from './session.ts'
import type { SessionHost } from './session-host.ts'
import { excessOfValue } from './structure.ts'

/** One for all: there may be many, and where in the code each was made tells nobody anything. */
const TOO_MANY = new RookeryError('rate_limited')

type Input = string | ClientFrame | InvalidFrame

/** A frame that waits for the session's turn. */
interface Waiting {
  readonly input: Input
  readonly size: number
  readonly refused: boolean
}

/** Takes a session's frames in, each in the session's turn: checks them, keeps to the limits, and answers. */
export class Inbound {
  readonly #session: Session
  readonly #host: SessionHost
  readonly #rate: RateLimit
  readonly #bytes: RateLimit
  /** Made when a transport hands frames over as they come. */
  #flow: Flow | undefined
  #waiting: Waiting[] = []
  #waitingBytes = 0
  /** Called once nothing waits any more. */
  #whenEmpty: (() => void) | undefined
  /** There was too much: what came before is still answered, and nothing else. */
  #over = false
  /** What has to be answered first, while somebody is asked whether a subscription is allowed. */
  #before: Promise<void> | undefined

  constructor(session: Session, host: SessionHost) {
    this.#session = session
    this.#host = host
    const { messageRate, messageBurst, byteRate, byteBurst } = host.limits
    this.#rate = new RateLimit(messageRate, messageBurst, performance.now())
    this.#bytes = new RateLimit(byteRate, byteBurst, performance.now())
  }

  receive(input: Input, size = typeof input === 'string' ? input.length : 0): void {
    if (this.#over) return
    const now = performance.now()
    const rate = this.#rate.take(now)
    const bytes = this.#bytes.take(now, size)
    if (rate === 'exhausted' || bytes === 'exhausted') {
      this.#over = true
      this.afterAll(() => this.#session.close(TOO_MANY))
      return
    }
    const refused = rate === 'empty' || bytes === 'empty'
    // A transport that reads in turns hands over no more than this turn's.
    if (this.#host.intake.serving && this.#waiting.length === 0) this.#take(input, refused)
    else this.#wait({ input, size, refused })
  }

  /** Calls back when all that has come is handled, which may be now. */
  afterAll(act: () => void): void {
    if (this.#waiting.length === 0) {
      act()
      return
    }
    const earlier = this.#whenEmpty
    this.#whenEmpty = () => {
      earlier?.()
      act()
    }
  }

  #wait(frame: Waiting): void {
    this.#waitingBytes += frame.size
    this.#waiting.push(frame)
    this.#flow ??= this.#host.intake.flow(() => this.#next())
    this.#flow.ready(this.#waitingBytes)
  }

  /** Takes the frame that has waited longest; tells whether there are more. */
  #next(): boolean {
    const frame = this.#waiting.shift()
    if (!frame || this.#session.closed) return false
    this.#waitingBytes -= frame.size
    this.#take(frame.input, frame.refused)
    if (this.#waiting.length > 0) return !this.#session.closed
    this.#whenEmpty?.()
    return false
  }

  #take(input: Input, refused: boolean): void {
    const frame = this.#read(input)
    if (refused) this.#session.refuse(TOO_MANY, frame.id)
    else this.#handle(frame)
  }

  #read(input: Input): ClientFrame | InvalidFrame {
    const { limits } = this.#host
    if (typeof input === 'string') return readClientFrame(input, limits)
    const frame = checkClientFrame(input)
    const excess = frame.type === undefined ? excessOfValue(frame, limits) : undefined
    return excess ? excessive(excess, limits, frame.id) : frame
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
