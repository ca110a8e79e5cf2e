import { type DeliveryRecord, Listening } from './listening.ts'
import type { Login } from './logins.ts'
import { type Numbered, roomTopic } from './messages.ts'
import { type MemberAnswer, RoomWatch } from './room-watch.ts'

export type Kind = 'websocket' | 'sse' | 'socketio' | 'plain'

/** `plain` is the unchanged Socket.IO client, without Rookery's client. */
export const KINDS: readonly Kind[] = ['websocket', 'sse', 'socketio', 'plain']

/** A client of the soak. It knows what it subscribes to and which rooms it is in: this is the truth. */
export abstract class SoakClient {
  readonly name: string
  readonly kind: Kind
  readonly login: Login
  /** Subscriptions by pattern. */
  readonly topics = new Map<string, Listening>()
  /** Rooms that the client is in, or will be in when it is connected again. */
  readonly rooms = new Map<string, RoomWatch>()
  /** Messages that are addressed to the user. */
  readonly inbox: Listening
  readonly #record: DeliveryRecord

  constructor(name: string, kind: Kind, login: Login, record: DeliveryRecord) {
    this.name = name
    this.kind = kind
    this.login = login
    this.#record = record
    this.inbox = this.listening('inbox')
  }

  /** Id of the session; undefined while there is no connection. */
  abstract readonly session: string | undefined
  /** Why the client does not come back; undefined while it is connected or comes back by itself. */
  abstract readonly ended: string | undefined
  /** Whether the server has confirmed all subscriptions and rooms. */
  abstract readonly settled: boolean
  abstract subscribe(pattern: string): void
  abstract cancel(pattern: string): void
  abstract join(room: string): void
  abstract leave(room: string): void
  /** @param listener called with the answer before the promise resolves */
  abstract call(topic: string, payload: unknown, listener?: (answer: never) => void): Promise<unknown>
  /** Connects again after the client has ended. */
  abstract connect(): void
  abstract close(): void

  /** The node of the session. Session ids begin with it. */
  get node(): string | undefined {
    return this.session?.slice(0, this.session.indexOf('-'))
  }

  get listenings(): readonly Listening[] {
    return [this.inbox, ...this.topics.values(), ...[...this.rooms.values()].map(({ messages }) => messages)]
  }

  protected listening(what: string): Listening {
    return new Listening(`${this.name} '${what}'`, this.#record, () => this.node)
  }

  protected watch(room: string): RoomWatch {
    const list: RoomWatch['list'] = (listener) =>
      this.call('room/members', { room }, listener) as Promise<MemberAnswer>
    return new RoomWatch(room, this.listening(roomTopic(room)), list, this.kind === 'plain')
  }

  /** Passes a message of a room on. */
  protected takeOfRoom(watch: RoomWatch, topic: string, payload: unknown): void {
    const what = topic.split('/').at(-1)
    if (what === 'messages') watch.messages.take(topic, payload as Numbered)
    if (what !== 'joined' && what !== 'left') return
    const { member } = payload as { member: { id: string } }
    watch.changed({ what, id: member.id })
  }

  /** The connection has ended. */
  protected lost(code: string): void {
    const { losses } = this.#record
    losses.set(code, (losses.get(code) ?? 0) + 1)
    for (const one of this.listenings) one.deactivate()
    for (const watch of this.rooms.values()) watch.lost()
  }

  toString(): string {
    return this.name
  }
}
