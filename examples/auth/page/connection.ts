import {
  type Client,
  type ClientState,
  createClient,
  type RookeryError,
  type Room,
  segment,
} from 'rookery/client'
import type { Member } from 'rookery/rooms'
import type { AuthContract, Device, Note } from '../contract.ts'
import { type Grant, ROOM } from '../grant.ts'
import { RequestError, refresh } from './login.ts'

/** Events of a connection. */
export interface ConnectionEvents {
  state(state: ClientState, transport: string | null): void
  /** The page has a new access token, which expires in `expiresIn` milliseconds. */
  tokenIssued(expiresIn: number): void
  /** The client is connected. */
  opened(): void
  devices(devices: readonly Device[]): void
  inbox(note: Note): void
  room(note: Note): void
  members(members: readonly Member[]): void
  /** The login has ended. */
  ended(reason: string): void
}

/** The page's connection to the server. Only this file uses Rookery. */
export class Connection {
  readonly #client: Client<AuthContract>
  readonly #room: Room<AuthContract>
  readonly #events: ConnectionEvents
  /** The grant of the login, until its token is used. */
  #firstGrant: Grant | undefined
  #endReason = 'You have been logged out in another tab.'

  /** @param grant the answer to the login */
  constructor(grant: Grant, events: ConnectionEvents) {
    this.#firstGrant = grant
    this.#events = events
    const { id } = grant.user
    const client = createClient<AuthContract>({ token: () => this.#token() })
    this.#client = client
    this.#room = client.join(ROOM)

    client.on('state', (state) => events.state(state, client.transport))
    client.on('open', () => {
      events.opened()
      client.send('devices/list')
      void this.#reportMembers()
    })
    client.on('error', (error) => {
      // A 401 means that the user must log in again. Other errors pass, such as a failed request for a token.
      if (error.status === 401) this.#end(this.#endReason)
    })

    const own = `users/${segment(id)}` as const
    client.subscribe(`${own}/devices`, (devices) => events.devices(devices))
    client.subscribe(`${own}/inbox`, (note) => events.inbox(note))
    client.subscribe(`${own}/logged-out`, ({ by }) => {
      this.#endReason = `You chose “Log out everywhere” in ${by}.`
    })
    this.#room.on('notes', (note) => events.room(note))
    for (const change of ['joined', 'left']) this.#room.on(change, () => void this.#reportMembers())
  }

  async writeTo(to: string, text: string): Promise<void> {
    await this.#client.call('inbox/send', { to, text })
  }

  async writeToRoom(text: string): Promise<void> {
    await this.#client.call('room/write', { text })
  }

  /** Tries to subscribe to another user's topics. Resolves with the server's error. */
  async subscribeToOther(user: string): Promise<RookeryError | undefined> {
    const subscription = this.#client.subscribe(`users/${segment(user)}/*`, () => {})
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

  /** The client calls this before each connection, and when the server asks for a new token. */
  async #token(): Promise<string> {
    try {
      const { token, expiresIn } = this.#firstGrant ?? (await refresh())
      this.#firstGrant = undefined
      this.#events.tokenIssued(expiresIn)
      return token
    } catch (error) {
      if (error instanceof RequestError && error.status === 401) this.#end('Your login has ended.')
      throw error
    }
  }

  async #reportMembers(): Promise<void> {
    try {
      const { members } = await this.#room.members()
      this.#events.members(members)
    } catch (error) {
      // Without a connection, the call fails. The next connection calls again.
      if (this.#client.state === 'open') throw error
    }
  }

  #end(reason: string): void {
    this.#client.close()
    this.#events.ended(reason)
  }
}
