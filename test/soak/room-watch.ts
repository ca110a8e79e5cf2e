import type { Listening } from './listening.ts'

export interface MemberAnswer {
  readonly members: readonly { readonly id: string }[]
  readonly missing: readonly string[]
}

interface Change {
  readonly what: 'joined' | 'left'
  readonly id: string
}

/** A client's view of a room: a list that it got, and the events that followed. */
export class RoomWatch {
  readonly room: string
  readonly messages: Listening
  /** Asks the server for the members. Passes the answer to the listener before it resolves. */
  readonly list: (listener?: (answer: MemberAnswer) => void) => Promise<MemberAnswer>
  /** Whether `list` calls its listener before the client handles events that came after the answer. */
  readonly #isExact: boolean
  #members: Set<string> | undefined
  /** Events since the list was asked for. */
  #changes: Change[] = []
  /** Counts the joins: an answer to an earlier question is too old. */
  #period = 0
  #joined = false
  #asking = false

  constructor(room: string, messages: Listening, list: RoomWatch['list'], isExact: boolean) {
    this.room = room
    this.messages = messages
    this.list = list
    this.#isExact = isExact
  }

  /**
   * The server has confirmed the join.
   *
   * @param answer the list in the reply, if the client can tell which events came after it
   */
  joined(answer?: MemberAnswer): void {
    this.#period++
    this.#joined = true
    this.#asking = false
    this.#members = undefined
    this.#changes = []
    this.messages.activate()
    if (answer) this.#answered(answer)
    void this.ask()
  }

  /** The connection has ended, or the client has left. */
  lost(): void {
    this.#period++
    this.#joined = false
    this.#members = undefined
    this.messages.deactivate()
  }

  /** Forgets the list, and asks for a new one. */
  forget(): void {
    this.#members = undefined
    void this.ask()
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
      await this.list((answer) => {
        if (period === this.#period) this.#answered(answer)
      })
    } catch {
      // The connection is lost, or NATS is. The next look asks again.
    } finally {
      if (period === this.#period) this.#asking = false
    }
  }

  #answered({ members, missing }: MemberAnswer): void {
    if (missing.length > 0) return
    // The list has the events that came before it. Where the client cannot tell, it repeats them: the last one counts.
    if (this.#isExact) this.#changes = []
    this.#members = new Set(members.map(({ id }) => id))
    this.#apply()
  }

  #apply(): void {
    for (const { what, id } of this.#changes.splice(0)) {
      if (what === 'joined') this.#members?.add(id)
      else this.#members?.delete(id)
    }
  }
}
