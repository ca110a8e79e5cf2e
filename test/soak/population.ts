import type { Random } from '../../plugins/testing/random.ts'
import type { DeliveryRecord } from './listening.ts'
import { Login } from './logins.ts'
import { ROOMS, TOPICS } from './messages.ts'
import { PlainClient } from './plain-client.ts'
import { RookeryClient } from './rookery-client.ts'
import { KINDS, type Kind, type SoakClient } from './soak-client.ts'

const PATTERNS = ['count/*', 'count/*/d', ...TOPICS]

/** Users by the index of their client. Some users have two clients, of different kinds. */
export const userOf = (index: number, count: number): string => `user-${index % Math.ceil(count * 0.75)}`

/** The clients of the soak, and what their applications do with them. */
export class Population {
  readonly clients: SoakClient[] = []
  readonly #random: Random
  readonly #url: string
  readonly #record: DeliveryRecord
  readonly #count: number
  #created = 0

  /** @param count number of clients, of all kinds in turn */
  constructor(random: Random, url: string, record: DeliveryRecord, count: number) {
    this.#random = random
    this.#url = url
    this.#record = record
    this.#count = count
    for (let index = 0; index < count; index++) this.clients.push(this.#create(index))
  }

  /** Clients of a user. */
  of(user: string): readonly SoakClient[] {
    return this.clients.filter(({ login }) => login.user === user)
  }

  pick(): SoakClient {
    return this.#random.pick(this.clients)
  }

  subscribe(): void {
    const client = this.pick()
    const pattern = this.#random.pick(PATTERNS)
    if (client.ended === undefined && !client.topics.has(pattern)) client.subscribe(pattern)
  }

  cancel(): void {
    const client = this.pick()
    const patterns = [...client.topics.keys()]
    if (patterns.length > 0) client.cancel(this.#random.pick(patterns))
  }

  join(): void {
    const client = this.pick()
    const room = this.#random.pick(ROOMS)
    if (client.ended === undefined && !client.rooms.has(room)) client.join(room)
  }

  leave(): void {
    const client = this.pick()
    const rooms = [...client.rooms.keys()]
    if (rooms.length > 0) client.leave(this.#random.pick(rooms))
  }

  /** All clients join or leave a room at once. */
  storm(): void {
    for (const client of this.clients) {
      if (client.ended !== undefined) continue
      const room = this.#random.pick(ROOMS)
      if (client.rooms.has(room)) client.leave(room)
      else client.join(room)
    }
  }

  /** A client goes, and another client of the same user comes. */
  replace(): void {
    const index = this.#random.below(this.clients.length)
    const old = this.clients[index] as SoakClient
    if (old.login.revoked) return
    old.close()
    this.clients[index] = this.#create(index)
  }

  /** Users whose tokens were revoked log in again. */
  renew(): void {
    for (const client of this.clients.filter(({ login }) => login.revoked)) {
      client.login.renew()
      if (client.ended !== undefined) client.connect()
    }
  }

  close(): void {
    for (const client of this.clients) client.close()
  }

  #create(index: number): SoakClient {
    const kind = KINDS[index % KINDS.length] as Kind
    const login = new Login(userOf(index, this.#count))
    const name = `${kind}-${++this.#created}`
    const client =
      kind === 'plain'
        ? new PlainClient(this.#url, name, login, this.#record)
        : new RookeryClient(this.#url, name, kind, login, this.#record)
    client.subscribe(this.#random.pick(PATTERNS))
    client.join(this.#random.pick(ROOMS))
    return client
  }
}
