import { RookeryError } from '../../core/protocol/errors.ts'
import type { Untyped } from '../../core/protocol/protocol.ts'
import type { Call, RoomCall, RoomOn, RoomSend, Send, Side } from '../typed.ts'
import { Handle } from './handle.ts'
import type { Listener, Subscription } from './subscription.ts'

/**
 * - `joining`: the server has not confirmed the join yet, or not yet again after a reconnect
 * - `joined`: the client is a member of the room
 * - `failed`: the server refused the join or ended the membership, for good; or it refused the client, and
 *   `client.connect()` tries again
 * - `left`: ended by `leave()` or `client.close()`
 */
export type RoomState = 'joining' | 'joined' | 'failed' | 'left'

/** A member of a room. */
export interface RoomMember {
  readonly id: string
  readonly name: string
}

/** The members of a room, in the order of joining. */
export interface RoomMembers {
  /** At most 1,000, and 256 KiB. */
  readonly members: readonly RoomMember[]
  /** Number of members. */
  readonly total: number
  /** Nodes whose members may be unknown. */
  readonly missing: readonly string[]
}

/** A handle on a room that the client is in. Topics are below `rooms/<name>/`. */
export interface Room<Contract = Untyped, As extends Side = 'input'> {
  readonly name: string
  readonly state: RoomState
  /** The server's error while the state is `failed`, or while a refused join is tried again; otherwise undefined. */
  readonly error: RookeryError | undefined
  /**
   * Resolves when the server first confirms the join. You may leave it unobserved.
   *
   * @throws the server's error when the server refuses for good, `aborted` after `leave()`, `client_closed` after
   * `client.close()`
   */
  readonly ready: Promise<void>
  /**
   * Calls the listener with each message on `rooms/<name>/<topic>`. The topic may be a pattern.
   *
   * @returns a function that removes the listener
   * @throws `invalid_pattern`
   * @example room.on('messages', ({ text }) => show(text))
   */
  readonly on: RoomOn<Contract, As>
  /**
   * Calls the listener with each change of the state.
   *
   * @returns a function that removes the listener
   */
  onState(listener: (state: RoomState, error?: RookeryError) => void): () => void
  /** As `client.send`, to the handler of `rooms/<name>/<topic>`. */
  readonly send: RoomSend<Contract>
  /** As `client.call`, to the handler of `rooms/<name>/<topic>`. */
  readonly call: RoomCall<Contract, As>
  /**
   * Asks the server for the members. The list, changed by the `joined` and `left` that come after it, is what the server
   * knows.
   *
   * @throws `not_in_room`, and the errors of `client.call`
   */
  members(): Promise<RoomMembers>
  /** Leaves the room when its last handle leaves. The listeners are not called again. Idempotent. */
  leave(): void
}

/** The part of the client that a room uses. */
export interface RoomClient {
  readonly send: Send<Untyped>
  readonly call: Call<Untyped, 'input'>
}

type Listen = (pattern: string, listener: Listener) => Subscription

/** Applies the last changes of members to a list. */
const withChanges = (
  { members, missing }: RoomMembers,
  changes: ReadonlyMap<string, RoomMember | undefined>,
): RoomMembers => {
  const all = new Map(members.map((member) => [member.id, member]))
  for (const [id, member] of changes) {
    if (!member) all.delete(id)
    else if (!all.has(id)) all.set(id, member)
  }
  return { members: [...all.values()], total: all.size, missing }
}

/** One handle of the application. `Rooms` sets its state. */
export class LocalRoom extends Handle<Exclude<RoomState, 'failed'>> implements Room {
  readonly name: string
  readonly #client: RoomClient
  readonly #listen: Listen
  readonly #onLeave: () => void
  /** Local subscriptions: messages of the room arrive because the session is in it. */
  readonly #subscriptions = new Set<Subscription>()

  /** @param listen adds a local subscription to a pattern below `rooms/<name>/` */
  constructor(name: string, client: RoomClient, listen: Listen, onLeave: () => void) {
    super({ pending: 'joining', confirmed: 'joined', ended: 'left' })
    this.name = name
    this.#client = client
    this.#listen = listen
    this.#onLeave = onLeave
  }

  on<P = unknown>(topic: string, listener: Listener<P>): () => void {
    if (this.hasEnded) return () => {}
    const subscription = this.#listen(topic, listener as Listener)
    this.#subscriptions.add(subscription)
    return () => {
      this.#subscriptions.delete(subscription)
      subscription.cancel()
    }
  }

  send(topic: string, payload?: unknown, options?: Parameters<Room['send']>[2]): void {
    this.#client.send(this.#topic(topic), payload, options)
  }

  call<R = unknown>(topic: string, payload?: unknown, options?: Parameters<Room['call']>[2]): Promise<R> {
    return this.#client.call<R>(this.#topic(topic), payload, options)
  }

  async members(): Promise<RoomMembers> {
    // Events that arrive with the reply are dispatched before this method continues. Those before the reply are in it.
    const changes = new Map<string, RoomMember | undefined>()
    const record = (what: string, joined: boolean) =>
      this.on<{ member: RoomMember }>(
        what,
        ({ member }) => void changes.set(member.id, joined ? member : undefined),
      )
    const stops = [record('joined', true), record('left', false)]
    try {
      const list = await this.#client.call<RoomMembers>('room/members', { room: this.name })
      return list.members.length < list.total ? list : withChanges(list, changes)
    } finally {
      for (const stop of stops) stop()
    }
  }

  leave(): void {
    this.end(new RookeryError('aborted', 'The room was left'))
  }

  override end(reason: RookeryError): void {
    if (this.hasEnded) return
    for (const subscription of this.#subscriptions) subscription.cancel()
    this.#subscriptions.clear()
    this.#onLeave()
    super.end(reason)
  }

  #topic(topic: string): string {
    return `rooms/${this.name}/${topic}`
  }
}
