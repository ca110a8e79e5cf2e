import type { Bus } from '../../core/bus/bus.ts'
import type { Actor } from '../../core/bus/event.ts'
import type { ClusterMessage, NodeChange } from '../../core/cluster/cluster.ts'
import type { Nodes } from '../../core/cluster/nodes.ts'
import type { Logger } from '../../core/util/logger.ts'
import { type LocalMember, type LocalMembers, recordOf } from './local-members.ts'
import { type MemberListSource, MemberLists } from './member-lists.ts'
import { createPage } from './member-pages.ts'
import {
  changeMessage,
  MEMBERS_METHOD,
  type MembersRequest,
  ROOM_CHANGE_KIND,
  type RoomChangeNote,
  toMember,
} from './messages.ts'
import { type Departing, type MemberRecord, RoomReplica } from './room-replica.ts'
import { TimeSlices } from './time-slices.ts'
import type { LeaveReason } from './tokens.ts'

interface ReplicatedRoom {
  readonly replica: RoomReplica
  /** Resolves when the first lists have arrived. Undefined after that, and if there are no other nodes. */
  loading: Promise<void> | undefined
}

interface Departure {
  readonly room: string
  readonly replica: RoomReplica
  readonly departing: Departing
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
 * and leaves with its last. Each change of what this node knows is delivered in the same turn, so that a list of the
 * members, together with the changes after it, is what the node knows.
 */
export class RemoteMembers {
  readonly #host: RemoteMembersHost
  readonly #rooms = new Map<string, ReplicatedRoom>()
  readonly #slices = new TimeSlices()
  readonly #lists: MemberLists
  /** Members to be removed, in this order. */
  readonly #departures: Departure[] = []
  #removing = false
  #version = 0

  constructor(host: RemoteMembersHost) {
    this.#host = host
    const { nodes, local, log } = host
    this.#lists = new MemberLists({
      nodes,
      log,
      slices: this.#slices,
      found: (source, record, version) => this.#found(source, record, version),
      complete: ({ node, room, replica }) => this.#depart(room, replica, replica.endList(node)),
    })
    nodes.onMessage(ROOM_CHANGE_KIND, (message, from) => this.#receive(message, from))
    nodes.onChange((node, change) => this.#nodeChanged(node, change))
    nodes.answer(MEMBERS_METHOD, (request) => createPage(local, this.#version, request as MembersRequest))
  }

  /** Number of rooms that are replicated, for leak checks. */
  get size(): number {
    return this.#rooms.size
  }

  /** Returns the replica of a room, if the members at other nodes were asked for. */
  replica(room: string): RoomReplica | undefined {
    const replica = this.#rooms.get(room)?.replica
    return replica?.loading ? undefined : replica
  }

  /** A promise while the members of a room are loaded. */
  loading(room: string): Promise<void> | undefined {
    return this.#rooms.get(room)?.loading
  }

  /** Returns the nodes whose members of a replicated room are not known, or may have changed unnoticed. */
  missing(room: string): readonly string[] {
    const { nodes } = this.#host
    return this.#others.filter((node) => !nodes.connected || this.#lists.isPending(node, room))
  }

  get #others(): readonly string[] {
    const { nodes } = this.#host
    return nodes.nodes().filter((node) => node !== nodes.node)
  }

  /** Starts replicating a room. Returns a promise if its members have to be loaded before one is announced. */
  open(room: string): Promise<void> | undefined {
    let replicated = this.#rooms.get(room)
    if (!replicated) {
      const others = this.#others
      replicated = { replica: new RoomReplica(others.length > 0), loading: undefined }
      this.#rooms.set(room, replicated)
      if (others.length > 0) replicated.loading = this.#load(room, replicated, others)
    }
    return replicated.loading
  }

  /** Stops replicating a room. Returns whether it has no members at other nodes. */
  close(room: string): boolean {
    const empty = this.#rooms.get(room)?.replica.empty ?? true
    this.#rooms.delete(room)
    this.#lists.cancelRoom(room)
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

  /** Tells the other nodes that a room has no members here any more. Clients have been told that it is closed. */
  announceClear(room: string): void {
    const note: RoomChangeNote = { what: 'cleared', room, version: ++this.#version, fresh: false }
    this.#host.nodes.publish({ ...changeMessage(room, 'left', undefined), kind: ROOM_CHANGE_KIND, note })
  }

  #announce(what: 'joined' | 'left', room: string, local: LocalMember, payload: object, actor: Actor): void {
    const { nodes, bus } = this.#host
    const fresh = this.#rooms.get(room)?.replica.has(local.member.id) !== true
    const message = changeMessage(room, what, payload)
    const note: RoomChangeNote = { what, room, member: recordOf(local), version: ++this.#version, fresh }
    nodes.publish({ ...message, kind: ROOM_CHANGE_KIND, note })
    if (!fresh) return
    const event = { topics: message.topics, payload, actor }
    if (this.#host.announce) nodes.publishHere(event)
    else bus.publish(event)
  }

  #deliver(message: ClusterMessage): void {
    const { announce, nodes, log } = this.#host
    if (!announce) return
    try {
      nodes.deliver({ ...message, kind: null })
    } catch (error) {
      log.error({ err: error, topic: message.topic, stage: 'rooms' }, 'a change of a room was not delivered')
    }
  }

  #receive(message: ClusterMessage, from: string): void {
    const { nodes, local } = this.#host
    const { fresh, ...change } = message.note as RoomChangeNote
    const { room, member } = change
    const replica = this.#rooms.get(room)?.replica
    // A node that has left, or not joined yet, will not leave later, so its members would stay in the replica forever.
    if (replica && !nodes.nodes().includes(from)) return
    const news = (replica?.apply(from, change) ?? []).filter(({ id }) => !local.isAnnounced(room, id))
    if (!member) {
      // Told to the members who have joined after the room was closed.
      if (!replica?.loading) for (const record of news) this.#deliverLeft(room, record, 'left')
      return
    }
    // The sender decides while this node does not know the members.
    if (!replica || replica.loading ? fresh : news.length > 0) this.#deliver(message)
    if (replica) this.#reportFound(room, replica, member.id, from)
  }

  /** Reports a member of another node, unless a later change has removed it. */
  #reportFound(room: string, replica: RoomReplica, id: string, node: string): void {
    const record = replica.get(node, id)
    if (record) this.#host.memberFound(room, { ...record, node })
  }

  /** Loads the members of a new replica. Clients are not told of them, because they joined earlier. */
  async #load(room: string, replicated: ReplicatedRoom, nodes: readonly string[]): Promise<void> {
    const { replica } = replicated
    await Promise.all(nodes.map((node) => this.#lists.fetch({ node, room, replica })))
    replica.loading = false
    replicated.loading = undefined
  }

  #nodeChanged(node: string, change: NodeChange): void {
    if (change === 'left') this.#lists.cancelNode(node)
    for (const [room, { replica }] of this.#rooms) {
      if (change === 'left') this.#depart(room, replica, replica.removeNode(node))
      else void this.#lists.fetch({ node, room, replica })
    }
  }

  /** Takes a member of a list. */
  #found({ node, room, replica }: MemberListSource, record: MemberRecord, version: number): void {
    const isNew = replica.addListed(node, record, version)
    if (isNew && !replica.loading && !this.#host.local.isAnnounced(room, record.id)) {
      this.#deliver(changeMessage(room, 'joined', { room, member: toMember(record) }))
    }
    this.#reportFound(room, replica, record.id, node)
  }

  /** Removes members: of a node that has left, or members that the node's new list does not contain. */
  #depart(room: string, replica: RoomReplica, departing: Departing): void {
    if (departing.size === 0) return
    this.#departures.push({ room, replica, departing })
    if (!this.#removing) void this.#removeDeparting()
  }

  /** Removes members in slices: each `left` goes to all members of the room. */
  async #removeDeparting(): Promise<void> {
    this.#removing = true
    // The list may grow meanwhile.
    for (const { room, replica, departing } of this.#departures) {
      for (const id of [...departing.keys()]) {
        if (this.#rooms.get(room)?.replica !== replica) break
        const record = replica.release(departing, id)
        if (record && !replica.loading && !this.#host.local.isAnnounced(room, id)) {
          this.#deliverLeft(room, record, 'disconnected')
        }
        const pause = this.#slices.pause()
        if (pause) await pause
      }
    }
    this.#departures.length = 0
    this.#removing = false
  }

  #deliverLeft(room: string, record: MemberRecord, reason: LeaveReason): void {
    this.#deliver(changeMessage(room, 'left', { room, member: toMember(record), reason }))
  }
}
