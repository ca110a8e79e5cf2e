import { isOlder } from './room-replica.ts'

/** A claim of a session that is about to become a member. */
export interface MemberClaim {
  readonly node: string
  readonly since: number
  readonly client: string
  /** Whether another node has an older claim. */
  lost: boolean
}

/** The name of a room has no `/`, so each pair has a key of its own. */
const keyOf = (room: string, id: string): string => `${room}/${id}`

/** Claims of this node's sessions to be a member of a room, where a member may be in the room only once. */
export class MemberClaims {
  readonly #pending = new Map<string, MemberClaim>()

  get size(): number {
    return this.#pending.size
  }

  /**
   * Adds a claim. Replaces one of the same client: its earlier session has closed, or its sessions may both be in the
   * room. Returns undefined if a session of another client at this node claims to be the member.
   */
  add(room: string, id: string, since: number, node: string, client: string): MemberClaim | undefined {
    const key = keyOf(room, id)
    const other = this.#pending.get(key)
    if (other && other.client !== client) return undefined
    const claim = { node, since, client, lost: false }
    this.#pending.set(key, claim)
    return claim
  }

  /** Removes a claim, unless another one has replaced it. */
  remove(room: string, id: string, claim: MemberClaim): void {
    const key = keyOf(room, id)
    if (this.#pending.get(key) === claim) this.#pending.delete(key)
  }

  /** Whether this node has an older claim of another client. If its claim is newer, marks that as lost. */
  hasPriority(room: string, id: string, rival: Omit<MemberClaim, 'lost'>): boolean {
    const own = this.#pending.get(keyOf(room, id))
    if (!own || own.client === rival.client) return false
    if (isOlder(own, rival)) return true
    own.lost = true
    return false
  }
}
