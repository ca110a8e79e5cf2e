import { type Client, type ClientState, createClient, type Room } from 'rookery/client'
import type { Presence, PresenceContract } from '../contract.ts'
import type { RoomName } from '../rooms.ts'

/** Events of the house. */
export interface HouseEvents {
  state(state: ClientState): void
  presence(presence: Presence): void
}

/** The house, for one tab of a person. The page uses Rookery only here. */
export class House {
  readonly #client: Client<PresenceContract>
  #room: Room<PresenceContract> | undefined

  constructor(name: string, events: HouseEvents) {
    this.#client = createClient<PresenceContract>({ params: { username: name } })
    this.#client.on('state', (state) => events.state(state))
    this.#client.subscribe('presence/:room', (presence) => events.presence(presence), {
      // At the start, and after each reconnect: the server keeps no history of who was where.
      state: async ({ signal }) => {
        const all = await this.#client.call('presence/list', undefined, { signal })
        all.forEach(events.presence)
      },
    })
  }

  /** The room in which this tab is. */
  get room(): string | undefined {
    return this.#room?.name
  }

  /** Leaves the room of this tab and enters another one, or none. The client joins it again after a reconnect. */
  enter(room: RoomName | undefined): void {
    this.#room?.leave()
    this.#room = room && this.#client.join(room)
  }
}
