import { type Client, type ClientState, createClient, type RookeryError } from 'rookery/client'
import type { Member } from 'rookery/rooms'
import type { ChatMessage } from '../messages.ts'

/** How long a message may wait for a connection and its answer until it counts as not sent, in ms. */
const PATIENCE = 60_000

/** How the room is connected, for people to see. */
export interface Connection {
  readonly state: ClientState
  /** Such as `websocket`. */
  readonly transport: string | null
  /** Milliseconds until the next attempt, while `waiting`. */
  readonly retryIn?: number
  /** Why it is `waiting` or `closed`. */
  readonly error?: RookeryError
}

export type Draft = Pick<ChatMessage, 'id' | 'text'>

/** What happens in a room. */
export interface RoomEvents {
  connection(connection: Connection): void
  /** Everybody who is here; after every connect, since nobody told us who came and went in between. */
  members(members: readonly Member[]): void
  joined(member: Member): void
  left(member: Member): void
  /** The latest messages; after every connect, so they may hold some that are known. */
  recent(messages: readonly ChatMessage[]): void
  message(message: ChatMessage): void
  typing(name: string): void
}

/** A room on the server, as one person sees it. All that the page has to do with Rookery is here. */
export class Room {
  readonly #client: Client
  readonly #events: RoomEvents
  readonly #sending = new Set<Promise<ChatMessage>>()
  readonly #stops: readonly (() => void)[]

  constructor(room: string, name: string, events: RoomEvents) {
    this.#events = events
    this.#client = createClient({ params: { username: name, roomID: room } })
    const on = <P>(topic: string, listener: (payload: P) => void) => {
      const subscription = this.#client.subscribe<P>(`rooms/${room}/${topic}`, listener)
      return () => subscription.cancel()
    }
    this.#stops = [
      this.#client.on('state', (state, detail) => {
        events.connection({ state, transport: this.#client.transport, ...detail })
      }),
      this.#client.on('open', () => void this.#catchUp()),
      on<ChatMessage>('messages', (message) => events.message(message)),
      on<{ member: Member }>('joined', ({ member }) => events.joined(member)),
      on<{ member: Member }>('left', ({ member }) => events.left(member)),
      on<{ from: string }>('typing', ({ from }) => events.typing(from)),
    ]
    events.connection({ state: this.#client.state, transport: null })
  }

  /**
   * Resolves with the message when the server has taken it. Without a connection it waits for one.
   *
   * @throws a RookeryError when it did not work out
   */
  send(draft: Draft): Promise<ChatMessage> {
    const sending = this.#deliver(draft, AbortSignal.timeout(PATIENCE))
    const done = () => this.#sending.delete(sending)
    this.#sending.add(sending)
    sending.then(done, done)
    return sending
  }

  /** Tells the others, if they can hear it now: later it would no longer be true. */
  tellTyping(): void {
    this.#client.send('chat/typing', undefined, { volatile: true })
  }

  /** Connects again, or without further wait. */
  connect(): void {
    this.#client.connect()
  }

  /** Hears nothing more, and leaves once everything written here has gone out or failed. */
  async leave(): Promise<void> {
    for (const stop of this.#stops) stop()
    await Promise.allSettled(this.#sending)
    this.#client.close()
  }

  async #deliver(draft: Draft, signal: AbortSignal): Promise<ChatMessage> {
    try {
      return await this.#client.call<ChatMessage>('chat/send', draft, { signal, timeout: PATIENCE })
    } catch (error) {
      // Lost before the answer came, so it may have arrived or not. The server and the pages know a message
      // by its id: sending it again is safe.
      if ((error as RookeryError).code !== 'disconnected') throw error
      return await this.#deliver(draft, signal)
    }
  }

  async #catchUp(): Promise<void> {
    try {
      const [{ members }, messages] = await Promise.all([
        this.#client.call<{ members: Member[] }>('room/members'),
        this.#client.call<ChatMessage[]>('chat/recent'),
      ])
      this.#events.members(members)
      this.#events.recent(messages)
    } catch (error) {
      // The next connection catches up.
      if (this.#client.state === 'open') throw error
    }
  }
}
