import type { NodeChange } from '../../core/cluster/cluster.ts'

/** Time between two heartbeats of a node. */
export const HEARTBEAT_INTERVAL_MS = 2000
/** Time without a message after which a node counts as gone. */
export const NODE_TIMEOUT_MS = 6000

/** The other nodes in the cluster, by their heartbeats. Times are milliseconds of one monotonic clock of the caller. */
export class LiveNodes {
  readonly #lastSeen = new Map<string, number>()
  readonly #changed: (node: string, change: NodeChange) => void
  #lastSweep: number | undefined

  constructor(changed: (node: string, change: NodeChange) => void) {
    this.#changed = changed
  }

  get nodes(): readonly string[] {
    return [...this.#lastSeen.keys()]
  }

  has(node: string): boolean {
    return this.#lastSeen.has(node)
  }

  /** Takes a heartbeat, or any other message of a node. */
  heartbeat(node: string, now: number): void {
    const known = this.#lastSeen.has(node)
    this.#lastSeen.set(node, now)
    if (!known) this.#changed(node, 'joined')
  }

  /** Reports a known node as restored: its connection or that of this node was interrupted. */
  restored(node: string): void {
    if (this.#lastSeen.has(node)) this.#changed(node, 'restored')
  }

  leave(node: string): void {
    if (this.#lastSeen.delete(node)) this.#changed(node, 'left')
  }

  /**
   * Removes the nodes that have timed out. If this process itself was suspended, their heartbeats may wait to be read,
   * so each node gets the full time again.
   */
  sweep(now: number): void {
    const suspended = this.#lastSweep !== undefined && now - this.#lastSweep > 2 * HEARTBEAT_INTERVAL_MS
    this.#lastSweep = now
    for (const [node, seen] of [...this.#lastSeen]) {
      if (suspended) this.#lastSeen.set(node, now)
      else if (now - seen >= NODE_TIMEOUT_MS) this.leave(node)
    }
  }
}
