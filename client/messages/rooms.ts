import { RookeryError, type WireError } from '../../core/protocol/errors.ts'
import type { MessageFrame } from '../../core/protocol/protocol.ts'
import { encodeFrame } from '../transports/frames.ts'
import type { ClientConnection } from '../transports/transport.ts'
import type { BackoffBounds } from '../util/backoff.ts'
import { RetryTimer } from '../util/retry-timer.ts'
import { reportRefusal } from './report-refusal.ts'
import type { RestoredHost } from './restored-host.ts'
import { LocalRoom, type RoomClient } from './room.ts'
import type { SendQueue } from './send-queue.ts'
import type { Listener } from './subscription.ts'
import type { Subscriptions } from './subscriptions.ts'

type Connection = Pick<ClientConnection, 'send'>

/** The membership of this client in one room, and the handles of the application on it. */
interface Membership {
  readonly handles: Set<LocalRoom>
  /** On the connection in use. `waiting`: the server refused the join for now, and the client asks again later. */
  state: 'none' | 'joining' | 'joined' | 'leaving' | 'waiting'
  /** Whether the server has refused a join on this connection. The queue does not wait for the next ones. */
  refused?: boolean
}

/** Keeps the client in the rooms of its handles: on each new connection it joins them before the queue is sent. */
export class Rooms {
  readonly #queue: SendQueue
  readonly #client: RoomClient
  readonly #subscriptions: Subscriptions
  readonly #host: RestoredHost
  readonly #byName = new Map<string, Membership>()
  #connection: Connection | undefined
  /** Rooms that the last candidate for another transport has joined. */
  #copied: readonly string[] = []
  /** First joins on this connection without a reply. */
  #joining = new Set<Membership>()
  readonly #retries: RetryTimer

  /**
   * @param bounds wait before a refused room is joined again
   */
  constructor(
    queue: SendQueue,
    bounds: BackoffBounds,
    client: RoomClient,
    subscriptions: Subscriptions,
    host: RestoredHost,
  ) {
    this.#subscriptions = subscriptions
    this.#queue = queue
    this.#retries = new RetryTimer(bounds, () => this.#retry())
    this.#client = client
    this.#host = host
  }

  /** Whether joins are under way that the messages in the queue wait for. Each join takes at most 3 s. */
  get joining(): boolean {
    return this.#joining.size > 0
  }

  /** @throws `invalid_room` */
  add(name: string): LocalRoom {
    if (typeof name !== 'string' || !/^(?!\$)[^\s/*\p{Cc}\p{Cs}]{1,64}$/u.test(name))
      throw new RookeryError('invalid_room')
    const membership = this.#membership(name)
    const listen = (topic: string, listener: Listener) =>
      this.#subscriptions.add(topic, listener, { local: true }, `rooms/${name}/`)
    const room = new LocalRoom(name, this.#client, listen, () => {
      if (membership.handles.delete(room)) this.#host.due()
    })
    membership.handles.add(room)
    if (membership.state === 'joined') room.confirm()
    this.#host.due()
    return room
  }

  /** Sends the joins and leaves that are due. */
  flush(connection: Connection): void {
    if (connection !== this.#connection) {
      this.#connection = connection
      this.#joining.clear()
      for (const membership of this.#byName.values()) {
        membership.state = 'none'
        membership.refused = false
      }
      for (const name of this.#copied) {
        const membership = this.#membership(name)
        // The application has left the room since.
        if (membership.handles.size === 0) membership.state = 'joined'
      }
      this.#copied = []
    }
    for (const [name, membership] of this.#byName) {
      const { state, handles } = membership
      if (handles.size > 0) {
        if (state === 'none') void this.#join(name, membership)
      } else if (state === 'joined') void this.#leave(name, membership)
      else if (state === 'none' || state === 'waiting') this.#byName.delete(name)
    }
  }

  /** Joins all rooms on a connection that is not in use yet. @throws as `SendQueue.request` */
  async copy(connection: Connection): Promise<void> {
    this.#copied = [...this.#byName].filter(([, { handles }]) => handles.size > 0).map(([name]) => name)
    await Promise.all(this.#copied.map((name) => this.#request(connection, 'join', name)))
  }

  /** Ends the membership in a room if the message tells that the server has ended it. */
  dispatch({ topic, payload }: MessageFrame): void {
    for (const [name, membership] of [...this.#byName]) {
      if (topic !== `rooms/${name}/closed`) continue
      const { error } = (payload ?? {}) as { error?: Partial<WireError> }
      if (typeof error?.code === 'string') this.#fail(name, membership, RookeryError.from(error as WireError))
    }
  }

  /**
   * The connection is lost: the rooms are joined again on the next one.
   *
   * @param error given when the server refuses this client: all rooms fail until `connect()`
   */
  reset(error?: RookeryError): void {
    this.#retries.reset()
    this.#connection = undefined
    this.#joining.clear()
    for (const membership of this.#byName.values()) membership.state = 'none'
    for (const room of this.#handles()) {
      if (error) room.fail(error)
      else room.suspend()
    }
  }

  /** Leaves all rooms. */
  clear(reason: RookeryError): void {
    for (const room of this.#handles()) room.end(reason)
    this.#byName.clear()
    this.reset()
  }

  #membership(name: string): Membership {
    let membership = this.#byName.get(name)
    if (!membership) this.#byName.set(name, (membership = { handles: new Set(), state: 'none' }))
    return membership
  }

  #request(connection: Connection, what: 'join' | 'leave', room: string): Promise<void> {
    const id = this.#queue.nextId()
    return this.#queue.request(connection, [encodeFrame({ topic: `room/${what}`, payload: { room }, id })])
  }

  async #join(name: string, membership: Membership): Promise<void> {
    const connection = this.#connection!
    membership.state = 'joining'
    if (!membership.refused) this.#joining.add(membership)
    let refused: RookeryError | undefined
    try {
      await this.#request(connection, 'join', name)
    } catch (error) {
      refused = error as RookeryError
    }
    if (connection !== this.#connection) return
    this.#joining.delete(membership)
    this.#host.due()
    if (!refused) {
      membership.state = 'joined'
      this.#retries.succeeded()
      for (const room of [...membership.handles]) room.confirm()
    } else if (refused.retryable) {
      membership.state = 'waiting'
      membership.refused = true
      for (const room of [...membership.handles]) room.suspend(refused)
      this.#retries.start()
    } else this.#fail(name, membership, refused)
  }

  async #leave(name: string, membership: Membership): Promise<void> {
    const connection = this.#connection!
    membership.state = 'leaving'
    // Refused if the server has removed the session from the room before.
    await this.#request(connection, 'leave', name).catch(() => {})
    if (connection !== this.#connection) return
    membership.state = 'none'
    this.#host.due()
  }

  #retry(): void {
    for (const membership of this.#byName.values()) {
      if (membership.state === 'waiting') membership.state = 'none'
    }
    this.#host.due()
  }

  /** The server has refused or ended the membership for good. The client does not ask again. */
  #fail(name: string, membership: Membership, error: RookeryError): void {
    const handles = [...membership.handles]
    membership.handles.clear()
    this.#byName.delete(name)
    for (const room of handles) room.fail(error)
    reportRefusal(this.#host, handles, `Room '${name}'`, error)
  }

  #handles(): LocalRoom[] {
    return [...this.#byName.values()].flatMap(({ handles }) => [...handles])
  }
}
