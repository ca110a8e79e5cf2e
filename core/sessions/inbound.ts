import type { FairQueue } from '../admission/fair-queue.ts'
import { RateLimit } from '../admission/rate-limit.ts'
// Before this module creates errors with the messages of the table.
import '../protocol/error-table.ts'
import { RookeryError } from '../protocol/errors.ts'
import { excessOfValue } from '../protocol/frame-structure.ts'
import { checkClientFrame } from '../protocol/parse-frame.ts'
import type {
  AuthFrame,
  ClientFrame,
  InvalidFrame,
  PongFrame,
  SendFrame,
  UnsubscribeFrame,
} from '../protocol/protocol.ts'
import { excessive, readClientFrame } from '../protocol/read-frame.ts'
import type { Work } from '../util/work.ts'
import { Answers, type AnswersHost } from './answers.ts'
import { FrameQueue, type Input } from './frame-queue.ts'
import type { Limits } from './limits.ts'
import type { PeerSession } from './session.ts'
import { SubscribeHandler, type SubscribeHost, type SubscribingPeer } from './subscribe-handler.ts'

/** A session, as its inbound part sees it. */
export type InboundSession = SubscribingPeer

/** The app, as the inbound part of a session sees it. */
export interface InboundHost extends AnswersHost, SubscribeHost {
  readonly limits: Limits
  readonly fairQueue: FairQueue
  /** Counts the frames under way. */
  readonly work: Work
  /** Runs the handlers of a message. Returns the reply, or a promise of it. */
  dispatch(session: PeerSession, frame: SendFrame): unknown
  /** Handles a new token of a session. Resolves with the reply. */
  token(session: PeerSession, token: string): Promise<unknown>
  /** Counts a refusal. */
  count(error: RookeryError): void
}

/** Shared instances: creating an Error with a stack for each refused frame is the expensive part of a flood. */
const TOO_MANY = new RookeryError('rate_limited')
const SHUTTING_DOWN = new RookeryError('shutting_down')

/**
 * Handles the frames of a session in the order of the fair queue: checks them, applies the rate limits, and answers.
 */
export class Inbound {
  readonly #session: InboundSession
  readonly #host: InboundHost
  readonly #rate: RateLimit
  readonly #bytes: RateLimit
  readonly #queue: FrameQueue
  readonly #answers: Answers
  readonly #subscribing: SubscribeHandler
  /** Number of frames whose handlers, authorizers or hooks have not settled. */
  #underWay = 0
  /** Set when the session leaves: called once no frame waits or is under way. */
  #leave: (() => void) | undefined
  /** Whether the rate limit has ended the session. Earlier frames are still answered, later frames are ignored. */
  #exhausted = false
  /**
   * The last subscribe or unsubscribe frame whose authorization is under way. Later messages and changes are handled
   * after it.
   */
  #pendingChange: Promise<void> | undefined
  /** Whether a new token is among the pending changes. */
  #tokenPending = false

  constructor(session: InboundSession, host: InboundHost) {
    this.#session = session
    this.#host = host
    this.#answers = new Answers(session, host)
    this.#subscribing = new SubscribeHandler(session, host, this.#answers)
    const { messageRate, messageBurst, byteRate, byteBurst } = host.limits
    this.#rate = new RateLimit(messageRate, messageBurst, performance.now())
    this.#bytes = new RateLimit(byteRate, byteBurst, performance.now())
    this.#queue = new FrameQueue(host.fairQueue, ({ input, refusal }) => {
      this.#take(input, refusal)
      return !session.closed
    })
  }

  receive(input: Input, size = typeof input === 'string' ? Buffer.byteLength(input) : 0): void {
    if (this.#exhausted) return
    const now = performance.now()
    const rate = this.#rate.take(now)
    const bytes = this.#bytes.take(now, size)
    if (rate === 'exhausted' || bytes === 'exhausted') {
      this.#exhausted = true
      this.afterAll(() => this.#session.close(TOO_MANY))
      return
    }
    const isTooMuch = rate === 'empty' || bytes === 'empty'
    const refusal = isTooMuch ? TOO_MANY : this.#leave ? SHUTTING_DOWN : undefined
    this.#queue.add({ input, size, refusal })
  }

  /** Calls `act` when all frames so far have been handled, which may be now. */
  afterAll(act: () => void): void {
    this.#queue.afterAll(act)
  }

  /**
   * Calls `act` when no frame waits or is under way, which may be now. Refuses messages that come from now on with
   * `shutting_down`.
   */
  leave(act: () => void): void {
    this.#leave = act
    this.afterAll(this.#checkLeave)
  }

  readonly #checkLeave = (): void => {
    if (this.#underWay === 0 && this.#queue.isEmpty) this.#leave?.()
  }

  readonly #ended = (): void => {
    this.#underWay--
    this.#checkLeave()
  }

  #take(input: Input, refusal: RookeryError | undefined): void {
    if (this.#session.closed) return
    const frame = this.#read(input)
    // A session that leaves still takes the answer to a ping, and what concerns its subscriptions and token.
    const isRefused = refusal !== undefined && (refusal !== SHUTTING_DOWN || frame.type === undefined)
    if (isRefused) this.#session.refuse(refusal, frame.id)
    else if (frame.type === 'invalid') this.#session.refuse(frame.error, frame.id)
    else if (frame.type !== 'pong') {
      this.#underWay++
      this.#host.work.run('handlers', () => this.#handle(frame), this.#ended)
    }
  }

  #read(input: Input): ClientFrame | InvalidFrame {
    const { limits } = this.#host
    if (typeof input === 'string') return readClientFrame(input, limits)
    const frame = checkClientFrame(input)
    const excess = frame.type === undefined ? excessOfValue(frame, limits) : undefined
    return excess ? excessive(excess, limits, frame.id) : frame
  }

  /** Handles a frame and answers it. Returns a promise only if the answer waits for one. */
  #handle(frame: Exclude<ClientFrame, PongFrame>): void | Promise<void> {
    switch (frame.type) {
      case 'subscribe':
        return this.#inOrder(() => this.#subscribing.handle(frame))
      case 'unsubscribe':
        return this.#inOrder(() => this.#unsubscribe(frame))
      case 'auth':
        return this.#changeToken(frame)
      default:
        return this.#answers.answer(frame.id, frame.topic, () => this.#dispatch(frame))
    }
  }

  /**
   * Waits for earlier changes: the handler may publish to new subscriptions, and a new token may change what is
   * allowed.
   */
  #dispatch(frame: SendFrame): unknown {
    if (!this.#pendingChange) return this.#host.dispatch(this.#session, frame)
    return this.#pendingChange.then(() => this.#host.dispatch(this.#session, frame))
  }

  #unsubscribe({ id, topics }: UnsubscribeFrame): void | Promise<void> {
    const { patterns } = this.#session
    return this.#answers.answer(id, 'unsubscribe', () => {
      patterns.removeForClient(topics)
      return { topics }
    })
  }

  /** Handles a new token. It does not wait for a subscription, whose authorizer may never answer, but for an earlier token. */
  #changeToken({ id, token }: AuthFrame): void | Promise<void> {
    const change = () => this.#answers.answer(id, 'auth', () => this.#host.token(this.#session, token))
    if (this.#tokenPending) return this.#inOrder(change)
    const done = change()
    if (!done) return undefined
    this.#tokenPending = true
    this.#wait(Promise.all([this.#pendingChange, done]))
    return done
  }

  /** Makes a change of the session's rights or subscriptions: now, or after the pending changes. */
  #inOrder(change: () => void | Promise<void>): void | Promise<void> {
    const done = this.#pendingChange ? this.#pendingChange.then(change) : change()
    if (done) this.#wait(done)
    return done
  }

  /** Makes later frames wait for a change. */
  #wait(change: Promise<unknown>): void {
    const pending = change.then(() => {
      if (this.#pendingChange !== pending) return
      this.#pendingChange = undefined
      this.#tokenPending = false
    })
    this.#pendingChange = pending
  }
}
