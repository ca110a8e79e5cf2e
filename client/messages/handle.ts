import type { RookeryError } from '../../core/protocol/errors.ts'
import { Emitter } from '../util/emitter.ts'

/** The names of the states of a handle that are not `failed`. */
export interface HandleStates<State> {
  /** The server has not confirmed yet, or not yet again after a reconnect. */
  readonly pending: State
  readonly confirmed: State
  /** The application has ended it. */
  readonly ended: State
}

/** The application's handle on something that the server confirms or refuses: a subscription, or a room. */
export abstract class Handle<State extends string> {
  state: State | 'failed'
  /** The server's error while the state is `failed`, or pending because the client asks again later. */
  error: RookeryError | undefined
  /** Whether the application learns of a refusal: it has asked for `ready` or listened to the state. */
  observed = false
  readonly #states: HandleStates<State>
  readonly #events = new Emitter<{ state: [state: State | 'failed', error?: RookeryError] }>()
  readonly #ready: Promise<void>
  #confirm!: () => void
  #refuse!: (reason: RookeryError) => void

  constructor(states: HandleStates<State>) {
    this.#states = states
    this.state = states.pending
    this.#ready = new Promise((resolve, reject) => {
      this.#confirm = resolve
      this.#refuse = reject
    })
    // The application may ignore `ready`: its rejection must not be an unhandled one.
    this.#ready.catch(() => {})
  }

  get ready(): Promise<void> {
    this.observed = true
    return this.#ready
  }

  onState(listener: (state: State | 'failed', error?: RookeryError) => void): () => void {
    this.observed = true
    return this.#events.on('state', listener)
  }

  /** Whether the application has ended it. */
  get hasEnded(): boolean {
    return this.state === this.#states.ended
  }

  /** The server has confirmed it. */
  confirm(): void {
    this.#confirm()
    this.#become(this.#states.confirmed)
  }

  /** The connection is lost: the client asks again on the next one. Or, with an error, it asks again later. */
  suspend(error?: RookeryError): void {
    this.#become(this.#states.pending, error)
  }

  /** The server has refused or ended it, or has refused the whole client. */
  fail(error: RookeryError): void {
    this.#refuse(error)
    this.#become('failed', error)
  }

  /** Ends it. `ready` rejects with the reason if it is not settled yet. */
  end(reason: RookeryError): void {
    this.#refuse(reason)
    this.#become(this.#states.ended)
  }

  #become(state: State | 'failed', error?: RookeryError): void {
    if (this.hasEnded || (this.state === state && !error)) return
    this.state = state
    this.error = error
    this.#events.emit('state', state, error)
  }
}
