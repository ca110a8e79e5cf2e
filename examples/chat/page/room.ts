import {
  type Client,
  type ClientState,
  createClient,
  type Room as Membership,
  type RookeryError,
  sse,
  websocket,
} from 'rookery/client'
import type { Member } from 'rookery/rooms'
import type { ChatContract, ChatMessage } from '../contract.ts'
import type { Network } from './tour/network.ts'

/** How many messages a new member sees. */
const LATEST = 50

/** How long a message may wait for a connection and its reply before it counts as not sent, in milliseconds. */
const SEND_TIMEOUT_MS = 60_000

/** The state of the room's connection, as the page shows it. */
export interface Connection {
  readonly state: ClientState
  /** Such as `websocket`. */
  readonly transport: string | null
  /** Milliseconds until the next attempt, while `waiting`. */
  readonly retryIn?: number
  /** The reason for `waiting` or `closed`. */
  readonly error?: RookeryError
}

export type Draft = Pick<ChatMessage, 'id' | 'text'>

/** What the panel shows of the connection. */
export interface Facts {
  readonly transport: string | null
  /** The server process that has the session. */
  readonly node: string | null
  readonly session: string | null
  /** The position in the history. */
  readonly cursor: string | null
}

/** Events of a room. */
export interface RoomEvents {
  connection(connection: Connection): void
  /** All members. Called after every connect, because the page got no events while it was offline. */
  members(members: readonly Member[]): void
  joined(member: Member): void
  left(member: Member): void
  /** The latest messages: at the start, and when the server no longer has what the page missed. Some may be known. */
  latest(messages: readonly ChatMessage[]): void
  /** The next message. After a reconnect, the messages that the page missed come first: they are replayed. */
  message(message: ChatMessage, isReplayed: boolean): void
  /** The page has got all messages that it missed. */
  recovered(): void
  /** Messages may be missing. `latest` follows. */
  gap(reason: string): void
  typing(name: string): void
}

/** A room on the server, for one member. The page uses Rookery only here. */
export class Room {
  readonly #client: Client<ChatContract>
  readonly #room: Membership<ChatContract>
  readonly #events: RoomEvents
  readonly #sending = new Set<Promise<void>>()
  readonly #stops: readonly (() => void)[]

  /** @param network stands between the client and its transports. An application has `createClient({ params })` */
  constructor(room: string, name: string, network: Network, events: RoomEvents) {
    this.#events = events
    this.#client = createClient<ChatContract>({
      params: { username: name },
      transports: [network.over(websocket()), network.over(sse())],
      // Sooner than by default, so that one sees it.
      upgrade: { min: 1000, max: 5000 },
    })
    const joined = this.#client.join(room)
    this.#room = joined
    const topic = `rooms/${room}/messages` as const
    const listener = (message: ChatMessage, { replayed = false }) => events.message(message, replayed)
    const subscription = this.#client.subscribe(topic, listener, {
      // At the start, and after a gap. After a reconnect without a gap, the listener gets what the page missed.
      state: async ({ signal }) => {
        const { messages } = await this.#client.history(topic, { last: LATEST, signal })
        events.latest(messages.map(({ payload }) => payload))
      },
    })
    subscription.on('recovered', () => events.recovered())
    subscription.on('gap', ({ reason }) => events.gap(reason))
    this.#stops = [
      this.#client.on('state', (state, detail) => {
        events.connection({ state, transport: this.#client.transport, ...detail })
      }),
      // The client sends the calls of this listener after it has joined the room.
      this.#client.on('open', () => void this.#loadMembers()),
      () => subscription.cancel(),
      joined.on('joined', ({ member }) => events.joined(member)),
      joined.on('left', ({ member }) => events.left(member)),
      joined.on('typing', ({ from }) => events.typing(from)),
    ]
    events.connection({ state: this.#client.state, transport: null })
  }

  /**
   * Sends a message. Waits for a connection if there is none. Resolves when the server has stored the message.
   *
   * @throws a RookeryError if the server refuses the message, or after 60 s
   */
  send(draft: Draft): Promise<void> {
    const sending = this.#deliver(draft, AbortSignal.timeout(SEND_TIMEOUT_MS))
    const done = () => this.#sending.delete(sending)
    this.#sending.add(sending)
    sending.then(done, done)
    return sending
  }

  /** Tells the other members that the user types. Offline, the message is dropped: it would be wrong later. */
  tellTyping(): void {
    this.#client.send('chat/typing', undefined, { volatile: true })
  }

  get facts(): Facts {
    const { transport, session, cursor, state } = this.#client
    const isOpen = state === 'open'
    return {
      transport: isOpen ? transport : null,
      // A session's id begins with the id of its node.
      node: isOpen && session ? session.slice(0, session.indexOf('-')) : null,
      session,
      cursor,
    }
  }

  /** Resolves when the server has answered. */
  async ping(): Promise<void> {
    await this.#client.call('tour/ping')
  }

  /** Asks the bot of the server to write while the page is away. */
  async announceAbsence(): Promise<void> {
    await this.#client.call('tour/away')
  }

  /** Connects again after a refusal, or ends the wait for the next attempt. */
  connect(): void {
    this.#client.connect()
  }

  /** Stops all events, and leaves when all messages of the user are sent or have failed. */
  async leave(): Promise<void> {
    for (const stop of this.#stops) stop()
    await Promise.allSettled(this.#sending)
    this.#client.close()
  }

  async #deliver(draft: Draft, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.call('chat/send', draft, { signal, timeout: SEND_TIMEOUT_MS })
    } catch (error) {
      // The connection was lost before the reply, so the message may have arrived. The server and the pages identify a
      // message by its id, so sending it again is safe.
      if ((error as RookeryError).code !== 'disconnected') throw error
      await this.#deliver(draft, signal)
    }
  }

  async #loadMembers(): Promise<void> {
    try {
      const { members } = await this.#room.members()
      this.#events.members(members)
    } catch (error) {
      // The next connection catches up.
      if (this.#client.state === 'open') throw error
    }
  }
}
