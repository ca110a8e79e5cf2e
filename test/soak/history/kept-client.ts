import { type Client, createClient, type Subscription, sse, websocket } from 'rookery/client'
import { WebSocket } from 'ws'
import type { Login } from '../logins.ts'
import type { Violations } from '../violations.ts'
import type { MessageNumbers, Received } from './kept-stream.ts'
import type { Kept } from './messages.ts'

export type Kind = 'websocket' | 'sse'

/** What all clients of the soak record. */
export interface ClientsRecord {
  readonly violations: Violations
  readonly numbers: MessageNumbers
  /** From each reconnect until a subscription had got what it had missed, as of `Date.now()`. */
  readonly replays: { readonly from: number; readonly to: number }[]
  /** Times of the reconnects, as of `Date.now()`. */
  readonly reconnects: number[]
  /** Renewals of tokens without an answer in time. The server asks again, or ends the session, which loses nothing. */
  lateRenewals: number
  delivered: number
}

interface Listening extends Received {
  readonly numbers: number[]
}

/** Where the first subscriptions of a client begin: now, with the first message of the stream, or at a cursor. */
type Start = { readonly since?: 'earliest'; readonly cursor?: string }

/** A client of the history soak. It can be replaced by a new one, as by the reload of a page. */
export class KeptClient {
  readonly name: string
  readonly #kind: Kind
  readonly #url: string
  readonly #login: Login
  readonly #record: ClientsRecord
  readonly #patterns: readonly string[]
  #listening: readonly Listening[] = []
  #client!: Client
  #subscriptions: readonly Subscription[] = []
  /** Subscriptions that have got all messages that they had missed. */
  readonly #current = new Set<Subscription>()
  /** When the connection was opened. Undefined for the first one of `#client`. */
  #openedAt: number | undefined

  constructor(
    name: string,
    kind: Kind,
    url: string,
    login: Login,
    patterns: readonly string[],
    record: ClientsRecord,
  ) {
    this.name = name
    this.#kind = kind
    this.#url = url
    this.#login = login
    this.#patterns = patterns
    this.#record = record
    this.#start({})
  }

  /** Whether it is connected, and all its subscriptions have got what they had missed. */
  get isCurrent(): boolean {
    return this.#client.state === 'open' && this.#current.size === this.#subscriptions.length
  }

  get received(): readonly Received[] {
    return this.#listening
  }

  /** Replaces the client by one that reads the whole stream, or that goes on from the cursor of the last one. */
  reload(how: 'earliest' | 'cursor'): void {
    const { cursor } = this.#client
    if (how === 'cursor' && (!this.isCurrent || cursor === null)) return
    this.close()
    this.#start(how === 'cursor' ? { cursor: cursor as string } : { since: 'earliest' })
  }

  close(): void {
    this.#client.close()
  }

  #start({ since, cursor }: Start): void {
    const client = createClient({
      url: this.#url,
      token: () => this.#login.token(),
      transports: [this.#createTransport()],
      reconnect: { min: 100, max: 1_000 },
      ...(cursor !== undefined && { cursor }),
    })
    this.#client = client
    this.#openedAt = undefined
    this.#current.clear()
    if (cursor === undefined) {
      this.#listening = this.#patterns.map((pattern) => ({ name: this.toString(), pattern, numbers: [] }))
    }
    let opened = 0
    client.on('open', () => {
      if (opened++ === 0) return
      this.#openedAt = Date.now()
      this.#record.reconnects.push(Date.now())
    })
    client.on('close', () => this.#current.clear())
    client.on('error', (error) => this.#failed(error))
    const isReplayed = since !== undefined || cursor !== undefined
    this.#subscriptions = this.#listening.map((listening) =>
      this.#subscribe(client, listening, since, isReplayed),
    )
  }

  #subscribe(
    client: Client,
    { pattern, numbers }: Listening,
    since: 'earliest' | undefined,
    isReplayed: boolean,
  ): Subscription {
    const record = this.#record
    const add = (payload: Kept) => {
      record.delivered++
      numbers.push(record.numbers.of(payload))
    }
    const subscription = client.subscribe<Kept>(pattern, add, { ...(since && { since }) })
    let isFirst = !isReplayed
    subscription.on('state', (state) => {
      // The first time without `since`, no replay follows.
      if (state === 'active' && isFirst) {
        isFirst = false
        this.#current.add(subscription)
      }
    })
    subscription.on('recovered', () => {
      this.#current.add(subscription)
      if (this.#openedAt !== undefined) record.replays.push({ from: this.#openedAt, to: Date.now() })
    })
    subscription.on('gap', ({ reason }) => {
      this.#current.add(subscription)
      record.violations.add('gap', `${reason} at ${this}, ${pattern}`)
    })
    return subscription
  }

  /** A cut also ends requests, and NATS loses those that one node passes to another. Nothing else may fail. */
  #failed({ code, message }: { readonly code: string; readonly message: string }): void {
    if (code === 'disconnected' || code === 'connection_failed') return
    if (code === 'call_timeout') this.#record.lateRenewals++
    else this.#record.violations.add('error of a client', `${this}: ${code}, ${message}`)
  }

  /** The balancer knows the client by a header. */
  #createTransport() {
    const headers = { 'x-client': this.name }
    if (this.#kind === 'sse') return sse({ headers })
    class NamedWebSocket extends WebSocket {
      constructor(url: string) {
        super(url, { headers })
      }
    }
    return websocket({ WebSocket: NamedWebSocket })
  }

  toString(): string {
    return `${this.name} (${this.#kind})`
  }
}
