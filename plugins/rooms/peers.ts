import type { Answers, ClusterBackend, Question } from '../../core/cluster/cluster.ts'
import type { Nodes } from '../../core/cluster/nodes.ts'
import { addressOf } from '../../core/cluster/target.ts'
import { Claims } from './claims.ts'
import { CLAIM, CLOSE, type ClaimQuestion, SNAPSHOT, type Snapshot } from './messages.ts'
import { nameTaken } from './names.ts'
import type { LocalPresence } from './presence.ts'
import type { Member, MemberList } from './tokens.ts'
import type { Stay } from './view.ts'

export interface PeersHost {
  readonly nodes: Nodes
  readonly cluster: () => ClusterBackend
  readonly here: LocalPresence
  /** Takes everybody out of a room here; returns their ids. */
  readonly clear: (room: string) => readonly string[]
}

/** What this node asks the others that have members of a room, and what it answers them. */
export class Peers {
  readonly #host: PeersHost
  readonly #claims = new Claims()

  constructor(host: PeersHost) {
    this.#host = host
    const { nodes, here, clear } = host
    nodes.answer(CLOSE, (payload) => clear((payload as { room: string }).room))
    nodes.answer(CLAIM, (payload, from) => {
      const { room, id, since } = payload as ClaimQuestion
      if (here.get(room, id)) return true
      return from !== null && this.#claims.beats(room, id, { node: from, since })
    })
  }

  /** Claims under way, for leak checks. */
  get claims(): number {
    return this.#claims.size
  }

  /** Whether there are no other nodes. */
  get alone(): boolean {
    return this.#host.nodes.nodes().length === 1
  }

  /** Members of a room, those here included, each once and in the order of joining. */
  async members(room: string, here: readonly Stay[]): Promise<MemberList> {
    if (this.alone) return { items: here.map(toMember), missing: [] }
    const { items, missing } = await this.#ask(room, { method: SNAPSHOT, payload: { room }, thorough: true })
    const there = items.flatMap(({ value }) => (value as Snapshot).members)
    const first = new Map<string, Stay>()
    for (const stay of [...here, ...there]) {
      const other = first.get(stay.id)
      if (!other || stay.since < other.since) first.set(stay.id, stay)
    }
    return { items: [...first.values()].sort((a, b) => a.since - b.since).map(toMember), missing }
  }

  /** Takes everybody out of a room at the other nodes. Returns their ids. */
  async clear(room: string): Promise<readonly string[]> {
    if (this.alone) return []
    const { items } = await this.#ask(room, { method: CLOSE, payload: { room } })
    return items.flatMap(({ value }) => value as string[])
  }

  /**
   * Enters a room if no other node has the member or an older claim to it. Nodes that do not answer have no say.
   *
   * @param enter called at once when nobody objects, so that there is no moment without claim and without member
   * @throws `name_taken`, and whatever `enter` does
   */
  async claim<T>(room: string, { id, name }: Member, since: number, enter: () => T): Promise<T> {
    const { nodes, cluster } = this.#host
    const claim = this.#claims.make(room, id, since, nodes.node)
    if (!claim) throw nameTaken(room, name)
    const question: ClaimQuestion = { room, id, since }
    const address = addressOf({ room })
    // Two nodes that ask at the same time must each find the other.
    cluster().interest(address, true)
    try {
      const { items } = await this.#ask(room, { method: CLAIM, payload: question })
      if (claim.lost || items.some(({ value }) => value === true)) throw nameTaken(room, name)
      return enter()
    } finally {
      this.#claims.release(room, id)
      cluster().interest(address, false)
    }
  }

  /** Never fails: nodes that do not answer, or answer with an error, are missing. */
  async #ask(room: string, question: Omit<Question, 'to'>): Promise<Answers> {
    const { nodes } = this.#host
    try {
      const { items, missing } = await nodes.ask({ ...question, to: addressOf({ room }) })
      const failed = items.filter(({ error }) => error).map(({ node }) => node)
      return { items: items.filter(({ error }) => !error), missing: [...missing, ...failed] }
    } catch {
      return { items: [], missing: nodes.nodes().filter((node) => node !== nodes.node) }
    }
  }
}

const toMember = ({ id, name }: Stay) => ({ id, name })
