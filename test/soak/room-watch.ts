import type { Listening } from './listening.ts'

type List = () => Promise<{
  readonly members: readonly { readonly id: string }[]
  readonly missing: readonly string[]
}>

interface Change {
  readonly what: 'joined' | 'left'
  readonly id: string
}

/** A client's view of a room: the list that it asked for, and the events that followed. */
export class RoomWatch {
  readonly room: string
  readonly messages: Listening
  /** Asks the server for the members. */
  readonly list: List
  #members: Set<string> | undefined
  /** Events since the list was asked for. */
  #changes: Change[] = []
  /** Counts the joins: an answer to an earlier question is too old. */
  #period = 0
  #joined = false
  #asking = false

  /** @param list asks the server for the members */
  constructor(room: string, messages: Listening, list: List) {
    this.room = room
    this.messages = messages
    this.list = list
  }

  /** The server has confirmed the join. */
  joined(): void {
    this.#period++
    this.#joined = true
    this.#asking = false
    this.#members = undefined
    this.messages.activate()
    void this.ask()
  }

  /** The connection has ended, or the client has left. */
  lost(): void {
    this.#period++
    this.#joined = false
    this.#members = undefined
    this.messages.deactivate()
  }

  /** A member has joined or left. */
  changed(change: Change): void {
    this.#changes.push(change)
    if (this.#members) this.#apply()
  }

  /** The members as the client knows them, or undefined while it does not. */
  get members(): readonly string[] | undefined {
    return this.#members && [...this.#members].sort()
  }

  /** Asks for the list again if the client has none that is complete. */
  async ask(): Promise<void> {
    if (!this.#joined || this.#members || this.#asking) return
    const period = this.#period
    this.#asking = true
    this.#changes = []
    try {
      const { members, missing } = await this.list()
      if (period !== this.#period || missing.length > 0) return
      // Events that came before the answer are in the list already. Repeating them changes nothing.
      this.#members = new Set(members.map(({ id }) => id))
      this.#apply()
    } catch {
      // The connection is lost, or NATS is. The next look asks again.
    } finally {
      if (period === this.#period) this.#asking = false
    }
  }

  #apply(): void {
    for (const { what, id } of this.#changes.splice(0)) {
      if (what === 'joined') this.#members?.add(id)
      else this.#members?.delete(id)
    }
  }
}
