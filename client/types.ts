import type { ErrorData, KnownErrorCode, TypedError, UserOf } from '../core/contract/infer.ts'
import type { RookeryError } from '../core/protocol/errors.ts'
import type { Untyped, User } from '../core/protocol/protocol.ts'
import type { ReadHistory } from './history.ts'
import type { Room } from './messages/room.ts'
import type { Call, Send, Side, Subscribe } from './typed.ts'

/**
 * - `idle`: the application has not called `connect()` yet (`autoConnect: false`)
 * - `connecting`: an attempt is under way
 * - `open`: the server has sent `welcome`
 * - `waiting`: the client waits for the next attempt
 * - `closed`: by `close()`, or because the server refused this client
 */
export type ClientState = 'idle' | 'connecting' | 'open' | 'waiting' | 'closed'

/** Events of a client, with the arguments of their listeners. Times are in milliseconds. */
export interface ClientEvents {
  /**
   * The state or the transport has changed. So `open` may follow `open`, after a switch to a better transport, and
   * `connecting` may follow `connecting`, when the client tries its next transport.
   *
   * `transport`: of the attempt or the connection. `error`: why the client waits, is closed, or tries another transport.
   * `retryIn`: until the next attempt.
   */
  state: [
    state: ClientState,
    detail: { readonly error?: RookeryError; readonly retryIn?: number; readonly transport?: string },
  ]
  /** The server has sent `welcome`: a new session begins, after a connect or after a switch of the transport. */
  open: [connection: ConnectionInfo]
  /**
   * An open connection has ended. A failed attempt has no such event, only `state`.
   *
   * `retryIn`: until the next attempt, 0 if it has begun; null without one.
   */
  close: [
    end: { readonly error: RookeryError; readonly willReconnect: boolean; readonly retryIn: number | null },
  ]
  /**
   * The server or a proxy refused a frame that has no reply, the server refused or ended a subscription that nobody
   * observes, or refused this client (its error); or it sent an invalid frame (`bad_frame`); a message over server-sent
   * events was lost with its connection (`disconnected`); or the client could not renew its token (`connection_failed`, or
   * the server's error).
   */
  error: [error: RookeryError]
}

export interface ConnectionInfo<SessionUser = User> {
  readonly session: string
  readonly user: SessionUser | null
  readonly transport: string
}

/**
 * A connection to a Rookery server that restores itself and its subscriptions. Create one with `createClient`. In Node, a
 * client that is connecting, open or waiting keeps the process alive until `close()`.
 */
export interface Client<Contract = Untyped, As extends Side = 'input'> {
  /** Carries the type of the contract. Never set. A mapped type, so that a client with a contract is also a `Client`. */
  readonly '~contract'?: { readonly [Key in keyof Contract]: Contract[Key] }
  readonly state: ClientState
  /** Id of the current session; null while not open. */
  readonly session: string | null
  /** The user of the current session; null while not open, and for an anonymous client. */
  readonly user: UserOf<Contract> | null
  /** Name of the transport of the current attempt or connection; null when there is none. */
  readonly transport: string | null
  /**
   * The last position in the history of the server up to which all subscriptions have got everything; null if the server keeps
   * no messages. A later client goes on from there with the option `cursor`.
   */
  readonly cursor: string | null
  /**
   * Bytes of messages that wait to be sent: in the client's queue, and in the transport if it tells (WebSocket and
   * server-sent events do). While it exceeds 1 MiB, messages stay in the queue and `maxQueue` applies.
   */
  readonly buffered: number

  /**
   * Adds a listener to an event of the client.
   *
   * @returns a function that removes the listener
   * @example client.on('state', (state, { error, retryIn }) => console.log(state, error?.code, retryIn))
   */
  on<Name extends keyof ClientEvents>(
    event: Name,
    listener: (...args: ClientEvents[Name]) => void,
  ): () => void

  /**
   * Calls the listener with every message that has a matching topic, once per message.
   *
   * @throws `invalid_pattern`, `reserved_topic`, `client_closed`
   * @example client.subscribe('rooms/:room/messages', (payload, { params }) => show(params.room, payload))
   */
  readonly subscribe: Subscribe<Contract, As>

  /**
   * Joins a room, and joins it again on every new connection, before queued messages are sent. Needs `rooms()` on the
   * server. Each call returns a handle of its own; the client leaves the room when the last one leaves.
   *
   * @throws `invalid_room`, `client_closed`
   * @example
   * const room = client.join('42')
   * room.on<{ text: string }>('messages', ({ text }) => show(text))
   * room.send('say', { text: 'hello' })
   */
  join(room: string): Room<Contract, As>

  /**
   * Sends a message and resolves with the result of the server's handler. While there is no connection, the call waits in
   * the queue. The client never sends a call twice.
   *
   * @throws the handler's error; `call_timeout`, `aborted`, `disconnected` and `client_closed`, after which the handler may
   * have run if the call was sent; `queue_full`, `invalid_topic`, `reserved_topic`, `unserializable`, `payload_too_large` and
   * `invalid_option`, if the client did not send the call. Every error rejects the promise.
   * @example const { id } = await client.call('chat/send', { text: 'hello' }, { timeout: 5_000 })
   */
  readonly call: Call<Contract, As>

  /**
   * Reads a page of the messages that the server keeps and the client may subscribe to. Needs `history()` on the server.
   *
   * @throws as `call`, and `invalid_pattern`, `forbidden`, `history_unavailable`; `invalid_cursor` for a cursor that the server
   * does not know, or whose messages are gone
   * @example
   * const { messages, next } = await client.history('rooms/42/messages', { last: 50 })
   * const older = next && (await client.history('rooms/42/messages', { before: next, limit: 50 }))
   */
  readonly history: ReadHistory<Contract, As>

  /**
   * Whether a value is an error with this code, such as one that `call` rejects with. With a contract, `error.data` has its
   * type then.
   *
   * @example if (client.isError(error, 'too_fast')) await delay(error.data.waitMs)
   */
  isError<Code extends KnownErrorCode<Contract>>(
    error: unknown,
    code: Code,
  ): error is TypedError<Code, ErrorData<Contract, Code>>

  /**
   * Sends a message without a reply. While there is no connection, the message waits in the queue, or is dropped if it is
   * `volatile`. A queued message that exceeds the server's limit becomes an `error` event.
   *
   * @throws `queue_full`, `client_closed`, `invalid_topic`, `reserved_topic`, `unserializable`,
   * `payload_too_large`
   * @example client.send('typing/start', { room: '42' }, { volatile: true })
   */
  readonly send: Send<Contract>

  /**
   * Connects an idle or closed client, and ends the wait of a waiting one. Otherwise it does nothing. If the server had
   * refused the client, the client restores its subscriptions.
   *
   * @throws `invalid_option` in server-side rendering without `url`
   */
  connect(): void

  /**
   * Resolves when the client is open, with the first `welcome`. Rejects when the client is closed: with the server's error
   * if the server refused the client, or `client_closed`.
   *
   * @example const { user } = await client.ready()
   */
  ready(): Promise<ConnectionInfo<UserOf<Contract>>>

  /**
   * Sends the queued messages if the client is open, then ends. Calls reject with `client_closed`, and subscriptions are
   * cancelled. No timer, listener or socket is left. Idempotent.
   */
  close(): void
}
