import { RookeryError } from '../../core/protocol/errors.ts'
import type { Message, Subscription } from '../messages/subscription.ts'
import { runIsolated } from '../util/run-isolated.ts'
import { type HandleStatus, HandleStore, type StoreHost } from './handle-store.ts'

/** Most messages that wait for `load`. */
const MAX_WAITING_MESSAGES = 1_000

/** What `load` gets. */
export interface LoadContext {
  /** Aborts when the result is not needed any more: the connection is lost, or the component is gone. */
  readonly signal: AbortSignal
}

/** How a topic becomes a state. Each may be another function on every render: the latest one is used. */
export interface TopicSource {
  readonly load?: ((context: LoadContext) => unknown) | undefined
  readonly reduce?: ((state: never, payload: never, message: never) => unknown) | undefined
  readonly local?: boolean | undefined
}

export interface TopicSnapshot {
  readonly data: unknown
  readonly status: HandleStatus
  readonly error?: Error | undefined
  readonly reload: () => void
}

type Reduce = (state: unknown, payload: unknown, message: Message) => unknown

const lastPayload: Reduce = (_state, payload) => payload

/**
 * The state that follows from the messages of a pattern.
 *
 * With `load`, the state is loaded whenever the subscription becomes active. Messages that arrive meanwhile wait, and are
 * applied to what was loaded. So every message counts that is published after the server has confirmed the subscription.
 */
export class TopicStore extends HandleStore<Subscription, TopicSnapshot> {
  readonly #pattern: string | null
  #source: TopicSource
  #loading: AbortController | undefined
  /** Messages that have arrived since `load` began. Undefined while it does not run. */
  #waiting: Message[] | undefined
  #isLoaded = false

  /** @param pattern null: there is no topic yet, and the store stays pending */
  constructor(host: StoreHost, pattern: string | null, data: unknown, source: TopicSource, key?: string) {
    const initial = { data, status: 'pending', reload: () => this.current.#reload() } as const
    super(host, initial, key && `topic ${pattern} ${key}`)
    this.#pattern = pattern
    this.#source = source
  }

  /** Uses other functions from now on. */
  configure(source: TopicSource): void {
    this.current.#source = source
  }

  protected override add(listener: () => void): () => void {
    return this.#pattern === null ? () => {} : super.add(listener)
  }

  protected override open(changed: () => void): Subscription {
    const { local = false } = this.#source
    const receive = (_payload: unknown, message: Message) => this.#receive(message)
    const subscription = this.host.client.subscribe(this.#pattern!, receive, { local })
    subscription.on('state', changed)
    return subscription
  }

  protected override close(subscription: Subscription): void {
    subscription.cancel()
  }

  protected override changed(error: RookeryError | undefined): void {
    const { status } = this
    this.#cancelLoading()
    if (status === 'active') void this.#load()
    else this.update({ status, error })
  }

  /** Loads again. If the server has refused the subscription, asks for it again. */
  #reload(): void {
    if (this.status === 'active') void this.#load()
    else if (this.handle) this.close(this.handle)
  }

  #cancelLoading(): void {
    this.#loading?.abort()
    this.#waiting = undefined
    this.#isLoaded = false
  }

  async #load(): Promise<void> {
    const { load } = this.#source
    this.#cancelLoading()
    this.update({ status: load ? 'pending' : 'active', error: undefined })
    if (!load) return
    const { signal } = (this.#loading = new AbortController())
    const waiting: Message[] = (this.#waiting = [])
    try {
      let data = await load({ signal })
      if (signal.aborted) return
      for (const message of waiting) {
        runIsolated(() => {
          data = this.#reduce(data, message)
        })
      }
      this.#waiting = undefined
      this.#isLoaded = true
      this.update({ data, status: 'active' })
    } catch (error) {
      if (!signal.aborted) this.#fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #fail(error: Error): void {
    this.#cancelLoading()
    this.update({ status: 'failed', error })
  }

  #receive(message: Message): void {
    if (this.#isLoaded || !this.#source.load) this.update({ data: this.#reduce(this.get().data, message) })
    else if (this.#waiting && this.#waiting.push(message) > MAX_WAITING_MESSAGES)
      this.#fail(new RookeryError('queue_full'))
  }

  #reduce(state: unknown, message: Message): unknown {
    return ((this.#source.reduce ?? lastPayload) as Reduce)(state, message.payload, message)
  }
}
