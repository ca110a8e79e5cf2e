import type { Nodes } from '../../core/cluster/nodes.ts'
import type { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { MEMBERS_METHOD, type MembersPage, type MembersRequest } from './messages.ts'
import type { MemberRecord, RoomReplica } from './room-replica.ts'
import type { TimeSlices } from './time-slices.ts'

/** Most rooms in one request for members. */
const MAX_ROOMS_PER_REQUEST = 500
/** Time after which a node that did not answer is asked again. */
const RETRY_INTERVAL_MS = 500

/** The list of one room at one node. */
export interface MemberListSource {
  readonly node: string
  readonly room: string
  readonly replica: RoomReplica
}

interface PendingList extends MemberListSource {
  /** Place of the last member that has arrived. */
  after: number
  /** Called when the list is complete, when a request for it has failed, and when it is not wanted any more. */
  readonly settle: () => void
}

export interface MemberListsHost {
  readonly nodes: Nodes
  readonly log: Logger
  readonly slices: TimeSlices
  /** Takes a member of a page. */
  readonly found: (source: MemberListSource, record: MemberRecord, version: number) => void
  /** Called when all pages of a list have been taken. */
  readonly complete: (source: MemberListSource) => void
}

/**
 * Fetches the lists of members from other nodes, page by page. Each node has one request at a time; the rooms that are
 * added meanwhile come with the next one.
 */
export class MemberLists {
  readonly #host: MemberListsHost
  /** By node, then by room. */
  readonly #pending = new Map<string, Map<string, PendingList>>()

  constructor(host: MemberListsHost) {
    this.#host = host
  }

  /**
   * Fetches a list, until it is complete or cancelled. Resolves when that is so, or when the node has failed to answer
   * once.
   */
  fetch(source: MemberListSource): Promise<void> {
    const { node, room, replica } = source
    const running = this.#pending.get(node)
    const lists = running ?? new Map<string, PendingList>()
    const earlier = lists.get(room)
    replica.beginList(node)
    return new Promise((resolve) => {
      const settle = () => {
        resolve()
        earlier?.settle()
      }
      lists.delete(room)
      lists.set(room, { ...source, after: 0, settle })
      if (running) return
      this.#pending.set(node, lists)
      // Rooms that are added in this turn share a request.
      queueMicrotask(() => void this.#run(node, lists))
    })
  }

  /** Whether the list of a room at a node is not complete. */
  isPending(node: string, room: string): boolean {
    return this.#pending.get(node)?.has(room) === true
  }

  cancelRoom(room: string): void {
    for (const lists of this.#pending.values()) {
      lists.get(room)?.settle()
      lists.delete(room)
    }
  }

  cancelNode(node: string): void {
    const lists = this.#pending.get(node)
    this.#pending.delete(node)
    for (const { settle } of lists?.values() ?? []) settle()
    lists?.clear()
  }

  async #run(node: string, lists: Map<string, PendingList>): Promise<void> {
    let failing = false
    while (lists.size > 0) {
      // The rooms that were added last come first, because joins may wait for them.
      const batch = [...lists.values()].slice(-MAX_ROOMS_PER_REQUEST).reverse()
      try {
        await this.#fetchPage(node, lists, batch)
        failing = false
      } catch (error) {
        for (const { settle } of batch) settle()
        // Without a connection the lists stay pending, and that is logged elsewhere.
        if (!failing && this.#host.nodes.connected) {
          failing = true
          const message = 'a node did not answer which members it has in rooms, and is asked again'
          this.#host.log.warn({ err: error, node, stage: 'rooms' }, message)
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_INTERVAL_MS).unref())
      }
    }
    if (this.#pending.get(node) === lists) this.#pending.delete(node)
  }

  async #fetchPage(
    node: string,
    lists: ReadonlyMap<string, PendingList> & { delete(room: string): boolean },
    batch: readonly PendingList[],
  ): Promise<void> {
    const { slices, found, complete } = this.#host
    const isWanted = (list: PendingList) => lists.get(list.room) === list
    const page = await this.#ask(node, { rooms: batch.map(({ room, after }) => [room, after] as const) })
    for (const [index, members] of page.rooms) {
      const list = batch[index] as PendingList
      for (const record of members) {
        if (!isWanted(list)) break
        found(list, record, page.version)
        const pause = slices.pause()
        if (pause) await pause
      }
    }
    for (const list of batch.slice(0, page.complete).filter(isWanted)) {
      lists.delete(list.room)
      complete(list)
      list.settle()
    }
    const partial = batch[page.complete]
    if (partial) partial.after = page.after
  }

  async #ask(node: string, request: MembersRequest): Promise<MembersPage> {
    try {
      return (await this.#host.nodes.askNode(node, MEMBERS_METHOD, request)) as MembersPage
    } catch (error) {
      // A node without the rooms plugin has no members.
      if ((error as RookeryError).code !== 'unknown_topic') throw error
      return { version: -1, rooms: [], complete: request.rooms.length, after: 0 }
    }
  }
}
