import type { Bus } from '../../core/bus/bus.ts'
import type { Actor } from '../../core/bus/event.ts'
import type { ClusterMessage, NodeChange } from '../../core/cluster/cluster.ts'
import type { Nodes } from '../../core/cluster/nodes.ts'
import { addressOf } from '../../core/cluster/target.ts'
import type { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { type LocalMember, type LocalMembers, recordOf } from './local-members.ts'
import {
  changeMessage,
  ROOM_CHANGE_KIND,
  type RoomChangeNote,
  type RoomSnapshot,
  type RoomsSnapshot,
  SNAPSHOT_METHOD,
  SYNC_METHOD,
  toMember,
} from './messages.ts'
import { type MemberDifference, type MemberRecord, RoomReplica } from './room-replica.ts'
import type { LeaveReason } from './tokens.ts'

/** Most rooms in one request for members. */
const MAX_ROOMS_PER_SYNC = 500
/** Time after which a node that did not answer is asked again. */
const SYNC_RETRY_INTERVAL_MS = 500

interface ReplicatedRoom {
  readonly replica: RoomReplica
  /** Resolves when the first lists have arrived. Undefined after that, and if there are no other nodes. */
  loading: Promise<void> | undefined
}

export interface RemoteMembersHost {
  readonly nodes: Nodes
  readonly bus: Bus
  readonly log: Logger
  readonly local: LocalMembers
  /** Whether clients are told of joins and leaves. */
  readonly announce: boolean
  /** Called for each member of another node that is found, whether the member is at this node or not. */
  readonly memberFound: (room: string, record: MemberRecord & { readonly node: string }) => void
}

/**
 * Knows the members at other nodes, for the rooms that have members at this node, and announces the members at this
 * node. Each node decides which changes are news for its own clients: a member joins with its first device on any node,
 * and leaves with its last.
 */
export class RemoteMembers {
  readonly #host: RemoteMembersHost
  readonly #rooms = new Map<string, ReplicatedRoom>()
  /** Nodes that are being asked for their members. The value says whether to ask once more afterwards. */
  readonly #syncs = new Map<string, boolean>()
  #version = 0

  constructor(host: RemoteMembersHost) {
    this.#host = host
    const { nodes, local } = host
    nodes.onMessage(ROOM_CHANGE_KIND, (message, from) => this.#receive(message, from))
    nodes.onChange((node, change) => this.#nodeChanged(node, change))
    nodes.answer(SNAPSHOT_METHOD, (payload): RoomSnapshot => {
      const { room } = payload as { room: string }
      return { version: this.#version, members: local.announced(room) }
    })
    nodes.answer(SYNC_METHOD, (payload): RoomsSnapshot => {
      const rooms = (payload as { rooms: string[] }).rooms.filter((room) => local.has(room))
      const members = rooms.map((room) => [room, local.announced(room)] as const)
      return { version: this.#version, rooms: Object.fromEntries(members) }
    })
  }

  /** Number of rooms that are replicated, for leak checks. */
  get size(): number {
    return this.#rooms.size
  }

  /** Starts replicating a room. Returns a promise if its members have to be loaded before one is announced. */
  open(room: string): Promise<void> | undefined {
    let replicated = this.#rooms.get(room)
    if (!replicated) {
      const alone = this.#host.nodes.nodes().length === 1
      replicated = { replica: new RoomReplica(!alone), loading: undefined }
      this.#rooms.set(room, replicated)
      if (!alone) replicated.loading = this.#load(room, replicated)
    }
    return replicated.loading
  }

  /** Stops replicating a room. Returns whether it has no members at other nodes. */
  close(room: string): boolean {
    const empty = this.#rooms.get(room)?.replica.empty ?? true
    this.#rooms.delete(room)
    return empty
  }

  /** See `RoomReplica.lastJoin`. */
  lastJoin(room: string, id: string, except?: string): number | undefined {
    return this.#rooms.get(room)?.replica.lastJoin(id, except)
  }

  /** Announces a member with its first session here. */
  announceJoin(room: string, local: LocalMember, actor: Actor): void {
    local.announced = true
    this.#announce('joined', room, local, { room, member: local.member }, actor)
  }

  /** Announces that the last session of a member here is gone. */
  announceLeave(room: string, local: LocalMember, reason: LeaveReason, actor: Actor): void {
    this.#announce('left', room, local, { room, member: local.member, reason }, actor)
  }

  /** Tells the other nodes, but no clients, that a room has no members here any more. */
  announceClear(room: string): void {
    const note: RoomChangeNote = { what: 'cleared', room, version: ++this.#version, fresh: false }
    this.#host.nodes.publish({ ...changeMessage(room, 'left', undefined), kind: ROOM_CHANGE_KIND, note })
  }

  #announce(what: 'joined' | 'left', room: string, local: LocalMember, payload: object, actor: Actor): void {
    const { nodes, bus } = this.#host
    const fresh = this.lastJoin(room, local.member.id) === undefined
    const message = changeMessage(room, what, payload)
    const note: RoomChangeNote = { what, room, member: recordOf(local), version: ++this.#version, fresh }
    nodes.publish({ ...message, kind: ROOM_CHANGE_KIND, note })
    if (!fresh) return
    const event = { topics: message.topics, payload, actor }
    if (this.#host.announce) nodes.publishHere(event)
    else bus.publish(event)
  }

  #deliver(message: ClusterMessage): void {
    if (this.#host.announce) this.#host.nodes.deliver({ ...message, kind: null })
  }

  #receive(message: ClusterMessage, from: string): void {
    const { nodes, local } = this.#host
    const { fresh, ...change } = message.note as RoomChangeNote
    const { room, member, what } = change
    const replica = this.#rooms.get(room)?.replica
    // A node that has left, or not joined yet, will not leave later, so its members would stay in the replica forever.
    if (replica && !nodes.nodes().includes(from)) return
    const isNews = replica?.apply(from, change)
    // Clients do not hear of a cleared room, because they have been told that it is closed.
    if (!member) return
    if (isNews === undefined ? fresh : isNews && !local.get(room, member.id)) this.#deliver(message)
    if (replica && what === 'joined') this.#reportFound(room, replica, member.id, from)
  }

  /** Reports a member that a node has announced, unless a later change has removed it. */
  #reportFound(room: string, replica: RoomReplica, id: string, node: string): void {
    const record = replica.get(node, id)
    if (record) this.#host.memberFound(room, { ...record, node })
  }

  /** Loads the members of a new replica. Clients are not told of them, because they joined earlier. */
  async #load(room: string, replicated: ReplicatedRoom): Promise<void> {
    const { replica } = replicated
    const { nodes, log } = this.#host
    replica.listRequested()
    try {
      const to = addressOf({ room })
      const { items, missing } = await nodes.ask({ to, method: SNAPSHOT_METHOD, payload: { room } })
      const present = nodes.nodes()
      for (const { node, value, error } of items) {
        const { version, members } = (value ?? {}) as RoomSnapshot
        if (!error && present.includes(node)) replica.applyList(node, version, members)
      }
      for (const node of missing) this.#sync(node)
    } catch (error) {
      // The nodes are asked again when the connection to them is restored.
      log.debug({ err: error, room, stage: 'rooms' }, 'the room members of other nodes are unknown')
    } finally {
      replica.listSettled()
      replica.loading = false
      replicated.loading = undefined
    }
  }

  #nodeChanged(node: string, change: NodeChange): void {
    if (change !== 'left') {
      this.#sync(node)
      return
    }
    for (const [room, { replica }] of this.#rooms) {
      this.#deliverDifference(room, { joined: [], left: replica.removeNode(node) })
    }
  }

  /** Asks a node for its members of all replicated rooms. Calls during a sync start one more sync after it. */
  #sync(node: string): void {
    if (this.#rooms.size === 0) return
    const running = this.#syncs.has(node)
    this.#syncs.set(node, running)
    if (!running) void this.#syncNode(node)
  }

  async #syncNode(node: string): Promise<void> {
    const { nodes, log } = this.#host
    do {
      this.#syncs.set(node, false)
      try {
        const rooms = [...this.#rooms]
        for (let start = 0; start < rooms.length; start += MAX_ROOMS_PER_SYNC) {
          await this.#syncRooms(node, rooms.slice(start, start + MAX_ROOMS_PER_SYNC))
        }
      } catch (error) {
        // The node may have left, or have no rooms plugin.
        const expected = !nodes.nodes().includes(node) || (error as RookeryError).code === 'unknown_topic'
        // If this node has lost the cluster, it syncs when the connection is restored.
        if (!expected && nodes.connected) {
          const message = 'a node did not answer which members it has in rooms, and is asked again'
          log.warn({ err: error, node, stage: 'rooms' }, message)
          await new Promise((resolve) => setTimeout(resolve, SYNC_RETRY_INTERVAL_MS).unref())
          if (nodes.nodes().includes(node)) this.#syncs.set(node, true)
        }
      }
    } while (this.#syncs.get(node))
    this.#syncs.delete(node)
  }

  async #syncRooms(node: string, rooms: readonly (readonly [string, ReplicatedRoom])[]): Promise<void> {
    const { nodes } = this.#host
    for (const [, { replica }] of rooms) replica.listRequested()
    try {
      const payload = { rooms: rooms.map(([room]) => room) }
      const { version, rooms: lists } = (await nodes.askNode(node, SYNC_METHOD, payload)) as RoomsSnapshot
      if (!nodes.nodes().includes(node)) return
      for (const [room, replicated] of rooms) {
        if (this.#rooms.get(room) !== replicated) continue
        const members = (Object.hasOwn(lists, room) && lists[room]) || []
        this.#deliverDifference(room, replicated.replica.applyList(node, version, members))
        for (const { id } of members) this.#reportFound(room, replicated.replica, id, node)
      }
    } finally {
      for (const [, { replica }] of rooms) replica.listSettled()
    }
  }

  /** Tells this node's clients of the joins and leaves that a list or the loss of a node has brought. */
  #deliverDifference(room: string, { joined, left }: MemberDifference): void {
    const isElsewhere = ({ id }: MemberRecord) => !this.#host.local.get(room, id)
    for (const record of joined.filter(isElsewhere)) {
      this.#deliver(changeMessage(room, 'joined', { room, member: toMember(record) }))
    }
    for (const record of left.filter(isElsewhere)) {
      const reason: LeaveReason = 'disconnected'
      this.#deliver(changeMessage(room, 'left', { room, member: toMember(record), reason }))
    }
  }
}
