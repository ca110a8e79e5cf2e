import type { Answers, ClusterBackend, Question } from '../../core/cluster/cluster.ts'
import type { Nodes } from '../../core/cluster/nodes.ts'
import { addressOf } from '../../core/cluster/target.ts'
import type { LocalMembers } from './local-members.ts'
import { MemberClaims } from './member-claims.ts'
import {
  CLAIM_METHOD,
  CLOSE_METHOD,
  type ClaimRequest,
  type RoomSnapshot,
  SNAPSHOT_METHOD,
  toMember,
} from './messages.ts'
import { nameTaken } from './names.ts'
import type { MemberRecord } from './room-replica.ts'
import type { Member, MemberList } from './tokens.ts'

export interface RoomRpcHost {
  readonly nodes: Nodes
  readonly cluster: () => ClusterBackend
  readonly local: LocalMembers
  /** Removes all members of a room at this node. Returns their ids. */
  readonly clear: (room: string) => readonly string[]
}

/** Calls to the other nodes that have members of a room, and the answers to such calls of other nodes. */
export class RoomRpc {
  readonly #host: RoomRpcHost
  readonly #claims = new MemberClaims()

  constructor(host: RoomRpcHost) {
    this.#host = host
    const { nodes, local, clear } = host
    nodes.answer(CLOSE_METHOD, (payload) => clear((payload as { room: string }).room))
    nodes.answer(CLAIM_METHOD, (payload, from) => {
      const { room, id, since, client } = payload as ClaimRequest
      const member = local.get(room, id)
      if (member) return member.client !== client
      return from !== null && this.#claims.hasPriority(room, id, { node: from, since, client })
    })
  }

  /** Number of pending claims, for leak checks. */
  get claims(): number {
    return this.#claims.size
  }

  /** Whether there are no other nodes. */
  get alone(): boolean {
    return this.#host.nodes.nodes().length === 1
  }

  /** Returns the members of a room at all nodes, each once and in the order of joining. */
  async members(room: string, here: readonly MemberRecord[]): Promise<MemberList> {
    if (this.alone) return { items: here.map(toMember), missing: [] }
    const question = { method: SNAPSHOT_METHOD, payload: { room }, thorough: true }
    const { items, missing } = await this.#ask(room, question)
    const there = items.flatMap(({ value }) => (value as RoomSnapshot).members)
    const first = new Map<string, MemberRecord>()
    for (const record of [...here, ...there]) {
      const other = first.get(record.id)
      if (!other || record.since < other.since) first.set(record.id, record)
    }
    return { items: [...first.values()].sort((a, b) => a.since - b.since).map(toMember), missing }
  }

  /** Removes all members of a room at the other nodes. Returns their ids. */
  async clear(room: string): Promise<readonly string[]> {
    if (this.alone) return []
    const { items } = await this.#ask(room, { method: CLOSE_METHOD, payload: { room } })
    return items.flatMap(({ value }) => value as string[])
  }

  /**
   * Enters a room if no other node has the member or an older claim to its name. A node that does not answer does not
   * prevent it.
   *
   * @param enter called in the same turn as the last check, so that the name has a claim or a member at any time
   * @throws `name_taken`, and the errors of `enter`
   */
  async claim<T>(
    room: string,
    { id, name }: Member,
    { since, client }: Pick<ClaimRequest, 'since' | 'client'>,
    enter: () => T,
  ): Promise<T> {
    const { nodes, cluster } = this.#host
    const claim = this.#claims.add(room, id, since, nodes.node, client)
    if (!claim) throw nameTaken(room, name)
    const request: ClaimRequest = { room, id, since, client }
    const address = addressOf({ room })
    // This node must receive the claims of other nodes while it asks, because two nodes may ask at the same time.
    cluster().interest(address, true)
    try {
      const { items } = await this.#ask(room, { method: CLAIM_METHOD, payload: request })
      if (claim.lost || items.some(({ value }) => value === true)) throw nameTaken(room, name)
      return enter()
    } finally {
      this.#claims.remove(room, id, claim)
      cluster().interest(address, false)
    }
  }

  /** Asks the other nodes. Does not reject: nodes that do not answer, or answer with an error, are missing. */
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
