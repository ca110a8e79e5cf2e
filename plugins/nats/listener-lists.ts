import type { ListenerChange, ListenerPage, ListenerPatterns } from './own-listeners.ts'

/** A list that arrives in pages. */
interface ArrivingList {
  readonly revision: number
  /** Index of the next page. */
  next: number
  readonly listeners: ListenerPatterns[]
}

/** Takes the listeners of other nodes. */
export interface ListenerTarget {
  /** Replaces the listeners of a node. */
  set(node: string, listeners: readonly ListenerPatterns[]): void
  change(node: string, change: ListenerChange): void
}

/**
 * Receives the lists of listeners of other nodes and their changes. After a lost message the list of the node has
 * another revision than the node's heartbeats, and has to be asked for.
 */
export class ListenerLists {
  readonly #target: ListenerTarget
  readonly #revisions = new Map<string, number>()
  readonly #arriving = new Map<string, ArrivingList>()

  constructor(target: ListenerTarget) {
    this.#target = target
  }

  /** Returns the revision of the list of a node. Undefined if there is no complete one. */
  revision(node: string): number | undefined {
    return this.#revisions.get(node)
  }

  page(node: string, { revision, page, pages, listeners }: ListenerPage): void {
    if (this.#revisions.get(node) === revision) return
    if (page === 0) this.#arriving.set(node, { revision, next: 0, listeners: [] })
    const list = this.#arriving.get(node)
    if (list?.revision !== revision || list.next !== page) return
    list.next++
    list.listeners.push(...listeners)
    if (list.next < pages) return
    this.#arriving.delete(node)
    this.#revisions.set(node, revision)
    this.#target.set(node, list.listeners)
  }

  change(node: string, change: ListenerChange): void {
    if (this.#revisions.get(node) !== change.revision - 1) return
    this.#revisions.set(node, change.revision)
    this.#target.change(node, change)
  }

  remove(node: string): void {
    this.#revisions.delete(node)
    this.#arriving.delete(node)
  }
}
