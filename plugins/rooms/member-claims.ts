import { isOlder } from './room-replica.ts'

/** A claim of a session that is about to become a member. */
export interface MemberClaim {
  readonly node: string
  readonly since: number
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

  /** Adds a claim. Returns undefined if another session of this node claims to be the member. */
  add(room: string, id: string, since: number, node: string): MemberClaim | undefined {
    const key = keyOf(room, id)
    if (this.#pending.has(key)) return undefined
    const claim = { node, since, lost: false }
    this.#pending.set(key, claim)
    return claim
  }

  remove(room: string, id: string): void {
    this.#pending.delete(keyOf(room, id))
  }

  /** Whether this node has an older claim than another node. If its claim is newer, marks that as lost. */
  hasPriority(room: string, id: string, rival: { readonly node: string; readonly since: number }): boolean {
    const own = this.#pending.get(keyOf(room, id))
    if (!own) return false
    if (isOlder(own, rival)) return true
    own.lost = true
    return false
  }
}
