import { isOlder } from './room-replica.ts'

/** A name that somebody is about to take. */
export interface Claim {
  readonly node: string
  readonly since: number
  /** Whether an older claim of another node has been seen. */
  lost: boolean
}

/** A room has no `/` in its name, so that no two pairs have one key. */
const keyOf = (room: string, id: string): string => `${room}/${id}`

/** Claims of this node's sessions to names that must be unique in a room. */
export class Claims {
  readonly #pending = new Map<string, Claim>()

  get size(): number {
    return this.#pending.size
  }

  /** Returns nothing when somebody at this node has a claim already. */
  make(room: string, id: string, since: number, node: string): Claim | undefined {
    const key = keyOf(room, id)
    if (this.#pending.has(key)) return undefined
    const claim = { node, since, lost: false }
    this.#pending.set(key, claim)
    return claim
  }

  release(room: string, id: string): void {
    this.#pending.delete(keyOf(room, id))
  }

  /** Whether a claim of this node goes before that of another; if there is one that does not, it is lost. */
  beats(room: string, id: string, rival: { readonly node: string; readonly since: number }): boolean {
    const own = this.#pending.get(keyOf(room, id))
    if (!own) return false
    if (isOlder(own, rival)) return true
    own.lost = true
    return false
  }
}
