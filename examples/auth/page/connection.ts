import { type Client, type ClientState, createClient, type RookeryError } from 'rookery/client'
import type { Member } from 'rookery/rooms'
import { type Device, type Grant, type LoggedOut, type Note, ROOM } from '../messages.ts'
import { Refusal, refresh } from './login.ts'

/** What happens while somebody is logged in. */
export interface ConnectionEvents {
  state(state: ClientState, transport: string | null): void
  /** A token, and how many milliseconds it is good for. */
  granted(expiresIn: number): void
  /** A connection stands. */
  opened(): void
  devices(devices: readonly Device[]): void
  inbox(note: Note): void
  room(note: Note): void
  members(members: readonly Member[]): void
  /** The login is over. */
  ended(why: string): void
}

/** All that the page has to do with Rookery. */
export class Connection {
  readonly #client: Client
  readonly #events: ConnectionEvents
  #first: Grant | undefined
  #why = 'You have been logged out in another tab.'

  /** @param first what the login has brought */
  constructor(first: Grant, events: ConnectionEvents) {
    this.#first = first
    this.#events = events
    const { id } = first.user
    const client = createClient({ params: { roomID: ROOM }, token: () => this.#token() })
    this.#client = client

    client.on('state', (state) => events.state(state, client.transport))
    client.on('open', () => {
      events.opened()
      client.send('devices/tell')
      void this.#tellMembers()
    })
    client.on('error', (error) => {
      // Whoever is refused for good must log in again. That a token could not be had just now is no such case.
      if (error.status === 401) this.#end(this.#why)
    })

    client.subscribe<readonly Device[]>(`users/${id}/devices`, (devices) => events.devices(devices))
    client.subscribe<Note>(`users/${id}/inbox`, (note) => events.inbox(note))
    client.subscribe<LoggedOut>(`users/${id}/logged-out`, ({ by }) => {
      this.#why = `Somebody chose “Log out everywhere” in ${by}.`
    })
    client.subscribe<Note>(`rooms/${ROOM}/notes`, (note) => events.room(note))
    for (const change of ['joined', 'left']) {
      client.subscribe(`rooms/${ROOM}/${change}`, () => void this.#tellMembers())
    }
  }

  async writeTo(to: string, text: string): Promise<void> {
    await this.#client.call('inbox/send', { to, text })
  }

  async writeToRoom(text: string): Promise<void> {
    await this.#client.call('room/write', { text })
  }

  /** Tries to hear what only somebody else may hear; resolves with the server's refusal. */
  async pry(user: string): Promise<RookeryError | undefined> {
    const subscription = this.#client.subscribe(`users/${user}/*`, () => {})
    try {
      await subscription.ready
      return undefined
    } catch (error) {
      return error as RookeryError
    } finally {
      subscription.cancel()
    }
  }

  close(): void {
    this.#client.close()
  }

  /** Called for every attempt to connect, and whenever the server asks for a new token. */
  async #token(): Promise<string> {
    try {
      const { token, expiresIn } = this.#first ?? (await refresh())
      this.#first = undefined
      this.#events.granted(expiresIn)
      return token
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) this.#end('Your login has ended.')
      throw error
    }
  }

  async #tellMembers(): Promise<void> {
    try {
      const { members } = await this.#client.call<{ members: Member[] }>('room/members')
      this.#events.members(members)
    } catch (error) {
      // The next connection asks again.
      if (this.#client.state === 'open') throw error
    }
  }

  #end(why: string): void {
    this.#client.close()
    this.#events.ended(why)
  }
}
