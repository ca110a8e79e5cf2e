import {
  type Client,
  type ClientTransport,
  createClient,
  type Room,
  type Subscription,
  sse,
  websocket,
} from 'rookery/client'
import { socketio } from 'rookery/client/socketio'
import { WebSocket } from 'ws'
import type { DeliveryRecord } from './listening.ts'
import type { Login } from './logins.ts'
import type { Numbered } from './messages.ts'
import { type Kind, SoakClient } from './soak-client.ts'

const transports: Readonly<Record<Exclude<Kind, 'plain'>, () => ClientTransport>> = {
  websocket: () => websocket({ WebSocket }),
  sse: () => sse(),
  socketio: () => socketio({ transports: ['websocket'] }),
}

/** A client of `rookery/client` with one transport. */
export class RookeryClient extends SoakClient {
  readonly #client: Client
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #joined = new Map<string, Room>()
  #error = ''

  constructor(url: string, name: string, kind: Exclude<Kind, 'plain'>, login: Login, record: DeliveryRecord) {
    super(name, kind, login, record)
    this.#client = createClient({
      url,
      token: () => login.token(),
      transports: [transports[kind]()],
      reconnect: { min: 50, max: 1_000 },
      maxQueue: 1_000,
    })
    this.#client.on('open', () => this.inbox.activate())
    this.#client.on('close', ({ error }) => {
      this.#error = error.code
      this.lost(error.code)
    })
    this.#client.on('error', ({ code }) => {
      this.#error = code
    })
    this.#client.subscribe<Numbered>('inbox/*', (payload, { topic }) => this.inbox.take(topic, payload), {
      local: true,
    })
  }

  get session(): string | undefined {
    return this.#client.session ?? undefined
  }

  get ended(): string | undefined {
    return this.#client.state === 'closed' ? this.#error : undefined
  }

  get settled(): boolean {
    return (
      this.#client.state === 'open' &&
      [...this.#subscriptions.values()].every(({ state }) => state === 'active') &&
      [...this.#joined.values()].every(({ state }) => state === 'joined')
    )
  }

  subscribe(pattern: string): void {
    const listening = this.listening(pattern)
    this.topics.set(pattern, listening)
    const subscription = this.#client.subscribe<Numbered>(pattern, (payload, { topic }) =>
      listening.take(topic, payload),
    )
    subscription.on('state', (state) => (state === 'active' ? listening.activate() : listening.deactivate()))
    this.#subscriptions.set(pattern, subscription)
  }

  cancel(pattern: string): void {
    this.topics.delete(pattern)
    this.#subscriptions.get(pattern)?.cancel()
    this.#subscriptions.delete(pattern)
  }

  join(name: string): void {
    const watch = this.watch(name)
    this.rooms.set(name, watch)
    const room = this.#client.join(name)
    room.onState((state) => (state === 'joined' ? watch.joined() : watch.lost()))
    // Left a moment ago, and the server still has the session in the room.
    if (room.state === 'joined') watch.joined()
    room.on('*', (payload, { topic }) => this.takeOfRoom(watch, topic, payload))
    this.#joined.set(name, room)
  }

  leave(name: string): void {
    this.rooms.delete(name)
    this.#joined.get(name)?.leave()
    this.#joined.delete(name)
  }

  async call(topic: string, payload: unknown, listener?: (answer: never) => void): Promise<unknown> {
    const answer = await this.#client.call(topic, payload)
    listener?.(answer as never)
    return answer
  }

  connect(): void {
    this.#client.connect()
  }

  close(): void {
    this.#client.close()
  }
}
