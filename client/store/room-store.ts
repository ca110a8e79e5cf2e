import type { RookeryError } from '../../core/protocol/errors.ts'
import type { Room, RoomMember } from '../messages/room.ts'
import { HandleStore, type StoreHost } from './handle-store.ts'

/** Most members that the server lists, and that the store keeps. */
const MAX_MEMBERS = 1_000

export interface RoomSnapshot {
  readonly room?: Room | undefined
  readonly state: 'joining' | 'joined' | 'failed'
  /** The server's error while the state is `failed` or a join is tried again, or why the members could not be listed. */
  readonly error?: RookeryError | undefined
  /** The first 1,000 members, in the order of joining. Undefined until they are listed. */
  readonly members?: readonly RoomMember[] | undefined
}

const STATES = { pending: 'joining', active: 'joined', failed: 'failed' } as const

/** The membership of the client in a room, and the members of the room on request. */
export class RoomStore extends HandleStore<Room, RoomSnapshot> {
  readonly #name: string
  readonly #withMembers: boolean

  /** @param withMembers whether to list the members and to follow who joins and leaves */
  constructor(host: StoreHost, name: string, withMembers: boolean) {
    super(host, { state: 'joining' }, `room ${name} ${withMembers}`)
    this.#name = name
    this.#withMembers = withMembers
  }

  protected override open(changed: () => void): Room {
    const room = this.host.client.join(this.#name)
    room.onState(changed)
    if (this.#withMembers) {
      for (const topic of ['joined', 'left'])
        room.on<{ member: RoomMember }>(topic, ({ member }) => this.#apply(topic === 'joined', member))
    }
    this.update({ room })
    return room
  }

  protected override close(room: Room): void {
    room.leave()
  }

  protected override changed(error: RookeryError | undefined): void {
    const { status, handle } = this
    this.update({ state: STATES[status], error })
    if (handle && status === 'active' && this.#withMembers) void this.#list(handle)
  }

  /** Lists the members, also after a reconnect. The list includes the events that have arrived with it. */
  async #list(room: Room): Promise<void> {
    let result: Partial<RoomSnapshot>
    try {
      const { members } = await room.members()
      result = { members }
    } catch (error) {
      result = { error: error as RookeryError }
    }
    // A list that failed because of a lost connection will be asked for again.
    if (this.handle === room && this.status === 'active') this.update(result)
  }

  #apply(hasJoined: boolean, member: RoomMember): void {
    const { members } = this.get()
    const others = members?.filter(({ id }) => id !== member.id)
    if (!members || !others) return
    if (!hasJoined) this.update({ members: others })
    else if (others.length === members.length && others.length < MAX_MEMBERS)
      this.update({ members: [...members, member] })
  }
}
