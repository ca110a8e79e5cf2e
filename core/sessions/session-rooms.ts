import { RookeryError } from '../protocol/errors.ts'

/** Shared by the sessions that are in no room. */
const NO_ROOMS: ReadonlySet<string> = new Set()

/** The rooms of a session, in the order of joining. */
export class SessionRooms {
  readonly #changed: (room: string, added: boolean) => void
  #rooms: Set<string> | undefined
  #closed = false

  /** @param changed called before a room is added, and after it has been removed. It may refuse a room by an error */
  constructor(changed: (room: string, added: boolean) => void) {
    this.#changed = changed
  }

  get rooms(): ReadonlySet<string> {
    return this.#rooms ?? NO_ROOMS
  }

  /** The only room, if there is one. @throws `several_rooms` */
  get only(): string | undefined {
    const [room, other] = this.rooms
    if (other === undefined) return room
    const fix = 'use session.rooms, or let the client name the room'
    throw new RookeryError('several_rooms', `The session is in several rooms: ${fix}`)
  }

  /** Does nothing after `close`. */
  add(room: string): void {
    if (this.#closed) return
    this.#changed(room, true)
    ;(this.#rooms ??= new Set()).add(room)
  }

  delete(room: string): void {
    if (this.#rooms?.delete(room)) this.#changed(room, false)
  }

  /** Leaves all rooms. */
  close(): void {
    this.#closed = true
    for (const room of [...this.rooms]) this.delete(room)
  }
}
