import { isOlder } from './room-replica.ts'

/** A claim of a name that a session is about to take. */
export interface NameClaim {
  readonly node: string
  readonly since: number
  /** Whether another node has an older claim. */
  lost: boolean
}

/** The name of a room has no `/`, so each pair has a key of its own. */
const keyOf = (room: string, id: string): string => `${room}/${id}`

/** Claims of this node's sessions to names that must be unique in a room. */
export class NameClaims {
  readonly #pending = new Map<string, NameClaim>()

  get size(): number {
    return this.#pending.size
  }

  /** Adds a claim. Returns undefined if another session of this node has claimed the name. */
  add(room: string, id: string, since: number, node: string): NameClaim | undefined {
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
