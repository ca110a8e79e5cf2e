import type { Answers, ClusterBackend, Question } from '../../core/cluster/cluster.ts'
import type { Nodes } from '../../core/cluster/nodes.ts'
import { addressOf } from '../../core/cluster/target.ts'
import type { LocalMembers } from './local-members.ts'
import { MemberClaims } from './member-claims.ts'
import {
  CLAIM_METHOD,
  CLOSE_METHOD,
  type ClaimRequest,
  MEMBERS_METHOD,
  type MembersPage,
  type MembersRequest,
} from './messages.ts'
import { nameTaken } from './names.ts'
import type { MemberRecord } from './room-replica.ts'
import type { Member } from './tokens.ts'

/** Members at other nodes, by node. */
export interface RemoteRecords {
  readonly records: ReadonlyMap<string, readonly MemberRecord[]>
  /** Nodes that did not answer. */
  readonly missing: readonly string[]
}

export interface RoomRpcHost {
  readonly nodes: Nodes
  readonly cluster: () => ClusterBackend
  readonly local: LocalMembers
  /** Removes all members of a room at this node. */
  readonly clear: (room: string) => unknown
}

/** Calls to the other nodes that have members of a room, and the answers to such calls of other nodes. */
export class RoomRpc {
  readonly #host: RoomRpcHost
  readonly #claims = new MemberClaims()

  constructor(host: RoomRpcHost) {
    this.#host = host
    const { nodes, local, clear } = host
    nodes.answer(CLOSE_METHOD, (payload) => {
      clear((payload as { room: string }).room)
      return null
    })
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

  /** Returns the members of a room at the other nodes, for a node that does not replicate the room. */
  async members(room: string): Promise<RemoteRecords> {
    const records = new Map<string, readonly MemberRecord[]>()
    if (this.alone) return { records, missing: [] }
    const payload: MembersRequest = { rooms: [[room, 0]] }
    const { items, missing } = await this.#ask(room, { method: MEMBERS_METHOD, payload, thorough: true })
    const failed = items.map(async ({ node, value }) => {
      try {
        records.set(node, await this.#allPages(node, room, value as MembersPage))
        return []
      } catch {
        return [node]
      }
    })
    return { records, missing: [...missing, ...(await Promise.all(failed)).flat()] }
  }

  async #allPages(node: string, room: string, first: MembersPage): Promise<readonly MemberRecord[]> {
    const members: MemberRecord[] = []
    let page = first
    for (;;) {
      members.push(...page.rooms.flatMap(([, records]) => records))
      if (page.complete > 0) return members
      const request: MembersRequest = { rooms: [[room, page.after]] }
      page = (await this.#host.nodes.askNode(node, MEMBERS_METHOD, request)) as MembersPage
    }
  }

  /** Removes all members of a room at the other nodes. Returns the nodes that have done so. */
  async clear(room: string): Promise<readonly string[]> {
    if (this.alone) return []
    const { items } = await this.#ask(room, { method: CLOSE_METHOD, payload: { room } })
    return items.map(({ node }) => node)
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
