import type { NodeChange } from '../../core/cluster/cluster.ts'

/** Milliseconds between two beats of a node. */
export const BEAT_INTERVAL = 2000
/** Milliseconds without a beat after which a node is gone. */
export const BEAT_TIMEOUT = 6000

/** Who is in the cluster besides this node, by their beats. Times in milliseconds, from a clock of the caller's. */
export class Members {
  readonly #seen = new Map<string, number>()
  readonly #changed: (node: string, change: NodeChange) => void
  #swept: number | undefined

  constructor(changed: (node: string, change: NodeChange) => void) {
    this.#changed = changed
  }

  get nodes(): readonly string[] {
    return [...this.#seen.keys()]
  }

  has(node: string): boolean {
    return this.#seen.has(node)
  }

  /** A node has given a sign of life. */
  beat(node: string, now: number): void {
    const known = this.#seen.has(node)
    this.#seen.set(node, now)
    if (!known) this.#changed(node, 'joined')
  }

  /** A node that is known says that it was cut off, or this one was. */
  restored(node: string): void {
    if (this.#seen.has(node)) this.#changed(node, 'restored')
  }

  leave(node: string): void {
    if (this.#seen.delete(node)) this.#changed(node, 'left')
  }

  /**
   * Lets go of the nodes that have been silent for too long. When this process itself has slept, their beats may wait
   * to be read: then they get the time again.
   */
  sweep(now: number): void {
    const slept = this.#swept !== undefined && now - this.#swept > 2 * BEAT_INTERVAL
    this.#swept = now
    for (const [node, seen] of [...this.#seen]) {
      if (slept) this.#seen.set(node, now)
      else if (now - seen >= BEAT_TIMEOUT) this.leave(node)
    }
  }
}
