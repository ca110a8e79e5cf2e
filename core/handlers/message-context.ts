import type { Actor, EventInit, PublishOptions } from '../bus/event.ts'
import { type NamedPattern, paramsOf } from '../contract/pattern.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Untyped, User } from '../protocol/protocol.ts'
import type { Session } from '../sessions/session.ts'
import { createAbortController } from '../util/abort.ts'
import type { Context, Publish } from './context.ts'
import type { SharedContext } from './run-handlers.ts'

/** Shared: most patterns have no names. */
const NO_NAMES: NamedPattern['names'] = []

/** A topic of a room. */
const ROOM_TOPIC = /^rooms\/([^/]+)\//

/** Publishes the events of handlers. */
interface Publisher {
  publish(event: EventInit, payload: undefined, options: PublishOptions | undefined): Promise<void>
}

/** The context of one message of a client. */
export class MessageContext implements SharedContext {
  readonly session: Session
  readonly topic: string
  readonly payload: unknown
  names: NamedPattern['names'] = NO_NAMES
  readonly #publisher: Publisher
  #state: Record<string, unknown> | undefined
  #controller: AbortController | undefined
  #sessionClosed: (() => void) | undefined
  #reason: RookeryError | undefined
  #ended = false

  constructor(session: Session, topic: string, payload: unknown, publisher: Publisher) {
    this.session = session
    this.topic = topic
    this.payload = payload
    this.#publisher = publisher
  }

  fork(names: NamedPattern['names']): Context {
    const own = new HandlerContext(this, this.#publisher)
    own.names = names
    if (this.#state) Object.assign(own.state, this.#state)
    return own
  }

  get params(): Readonly<Record<string, string>> {
    return paramsOf(this.names, this.topic)
  }

  get state(): Record<string, unknown> {
    return (this.#state ??= {})
  }

  get user(): User {
    const { user } = this.session
    if (!user) throw new RookeryError('unauthenticated')
    return user
  }

  get room(): string {
    const { session, topic } = this
    const named = ROOM_TOPIC.exec(topic)?.[1]
    const room = named ?? session.room
    if (room === undefined) throw new RookeryError('not_in_room', 'The session is in no room')
    if (named !== undefined && !session.rooms.has(named)) throw new RookeryError('not_in_room')
    return room
  }

  /** Created at the first access: most handlers do not use it. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = createAbortController()
      this.#controller = controller
      const { signal } = this.session
      if (this.#reason) controller.abort(this.#reason)
      else if (signal.aborted) controller.abort(signal.reason)
      else if (!this.#ended) {
        this.#sessionClosed = () => controller.abort(signal.reason)
        signal.addEventListener('abort', this.#sessionClosed, { once: true })
      }
    }
    return this.#controller.signal
  }

  /** A function of its own, so that a handler may take it out of the context. */
  get publish(): Publish<Untyped> {
    return (topic, payload, options) => this.#publish(topic, payload, options)
  }

  get broadcast(): Publish<Untyped> {
    const except = this.session.client
    return (topic, payload, options) => this.#publish(topic, payload, options, except)
  }

  error(code: string, data?: unknown, message?: string): RookeryError {
    return new RookeryError(code, message, { data })
  }

  #publish(
    topic: string,
    payload: unknown,
    options: PublishOptions | undefined,
    except: string | null = null,
  ): Promise<void> {
    return this.#publisher.publish(
      { topics: [topic], payload, actor: this.#actor, except },
      undefined,
      options,
    )
  }

  get #actor(): Actor {
    return { session: this.session.id, user: this.session.user?.id ?? null }
  }

  abort(reason: RookeryError): void {
    this.#reason ??= reason
    this.#controller?.abort(reason)
  }

  /** Removes the listener from the session's signal, which lives longer. */
  end(): void {
    this.#ended = true
    if (this.#sessionClosed) this.session.signal.removeEventListener('abort', this.#sessionClosed)
  }
}

/** The context of one of several handlers of a message. */
class HandlerContext extends MessageContext {
  readonly #whole: MessageContext

  constructor(whole: MessageContext, publisher: Publisher) {
    super(whole.session, whole.topic, whole.payload, publisher)
    this.#whole = whole
  }

  override get signal(): AbortSignal {
    return this.#whole.signal
  }
}
