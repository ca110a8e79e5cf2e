import type { Bus } from '../../core/bus/bus.ts'
import type { Actor } from '../../core/bus/event.ts'
import type { ClusterMessage, NodeChange } from '../../core/cluster/cluster.ts'
import type { Nodes } from '../../core/cluster/nodes.ts'
import { addressOf } from '../../core/cluster/target.ts'
import type { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { KIND, type Note, SNAPSHOT, type Snapshot, SYNC, type Sync } from './messages.ts'
import { type LocalPresence, type Presence, stayOf } from './presence.ts'
import type { LeaveReason, Member } from './tokens.ts'
import { type Change, type Difference, RoomView, type Stay } from './view.ts'

/** Most rooms in one question. */
const CHUNK = 500
/** Milliseconds until a node that did not answer is asked again. */
const RETRY_INTERVAL = 500

interface Followed {
  readonly view: RoomView
  /** Resolves when the first lists have come; undefined from then on, and when nobody had to be asked. */
  ready: Promise<void> | undefined
}

export interface FollowerHost {
  readonly nodes: Nodes
  readonly bus: Bus
  readonly log: Logger
  readonly here: LocalPresence
  /** Whether clients are told who comes and goes. */
  readonly announce: boolean
  /** Told of each member that another node is found to have, whether it is here too or not. */
  readonly meets: (room: string, stay: Stay & { readonly node: string }) => void
}

/**
 * Follows who is at other nodes, in the rooms that have members here, and tells others of those here. Each node
 * decides for its own clients what is news to them: a member comes with its first device anywhere and leaves with
 * its last.
 */
export class Follower {
  readonly #host: FollowerHost
  readonly #rooms = new Map<string, Followed>()
  /** Nodes whose members are being asked for; the value tells to ask once more. */
  readonly #pulls = new Map<string, boolean>()
  #version = 0

  constructor(host: FollowerHost) {
    this.#host = host
    const { nodes, here } = host
    nodes.take(KIND, (message, from) => this.#take(message, from))
    nodes.onChange((node, change) => this.#changed(node, change))
    nodes.answer(SNAPSHOT, (payload): Snapshot => {
      const { room } = payload as { room: string }
      return { version: this.#version, members: here.told(room) }
    })
    nodes.answer(SYNC, (payload): Sync => {
      const rooms = (payload as { rooms: string[] }).rooms.filter((room) => here.has(room))
      return {
        version: this.#version,
        rooms: Object.fromEntries(rooms.map((room) => [room, here.told(room)])),
      }
    })
  }

  /** Rooms followed, for leak checks. */
  get size(): number {
    return this.#rooms.size
  }

  /** Follows a room. Returns what to wait for before anything is told of it, if there is something. */
  open(room: string): Promise<void> | undefined {
    let followed = this.#rooms.get(room)
    if (!followed) {
      const alone = this.#host.nodes.nodes().length === 1
      followed = { view: new RoomView(!alone), ready: undefined }
      this.#rooms.set(room, followed)
      if (!alone) followed.ready = this.#load(room, followed)
    }
    return followed.ready
  }

  /** Follows a room no longer. Returns whether nobody is in it at other nodes either. */
  close(room: string): boolean {
    const empty = this.#rooms.get(room)?.view.empty ?? true
    this.#rooms.delete(room)
    return empty
  }

  /** When a member of a followed room joined last at another node, if it is at one. */
  latest(room: string, id: string): number | undefined {
    return this.#rooms.get(room)?.view.latest(id)
  }

  /** Tells of a member that has its first session here. */
  joined(room: string, presence: Presence, actor: Actor): void {
    presence.told = true
    this.#tell('joined', room, presence, { room, member: presence.member }, actor)
  }

  /** Tells of a member that had its last session here. */
  left(room: string, presence: Presence, reason: LeaveReason, actor: Actor): void {
    this.#tell('left', room, presence, { room, member: presence.member, reason }, actor)
  }

  /** Tells the other nodes, and no client, that nobody is in a room here any more. */
  cleared(room: string): void {
    const note: Note = { what: 'cleared', room, version: ++this.#version, fresh: false }
    this.#host.nodes.publish({ ...messageOf(room, 'left', undefined), kind: KIND, note })
  }

  #tell(what: 'joined' | 'left', room: string, presence: Presence, payload: object, actor: Actor): void {
    const { nodes, bus } = this.#host
    const fresh = this.latest(room, presence.member.id) === undefined
    const message = messageOf(room, what, payload)
    const note: Note = { what, room, member: stayOf(presence), version: ++this.#version, fresh }
    nodes.publish({ ...message, kind: KIND, note })
    if (!fresh) return
    const event = { topics: message.topics, payload, actor }
    if (this.#host.announce) nodes.publishHere(event)
    else bus.publish(event)
  }

  #deliver(message: ClusterMessage): void {
    if (this.#host.announce) this.#host.nodes.deliver({ ...message, kind: null })
  }

  #take(message: ClusterMessage, from: string): void {
    const { nodes, here } = this.#host
    const { fresh, ...change } = message.note as Note
    const { room, member, what } = change
    const view = this.#rooms.get(room)?.view
    // Of a node that is gone, or not here yet, the view must not know: nobody would take its members out again.
    if (view && !nodes.nodes().includes(from)) return
    const news = view?.apply(from, change)
    // A cleared room is closed, and that has been said.
    if (!member) return
    if (news === undefined ? fresh : news && !here.get(room, member.id)) this.#deliver(message)
    if (view && what === 'joined') this.#met(room, view, member.id, from)
  }

  /** A node has said that a member is there; a later change may have said otherwise. */
  #met(room: string, view: RoomView, id: string, node: string): void {
    const stay = view.at(node, id)
    if (stay) this.#host.meets(room, { ...stay, node })
  }

  /** Fills a view for the first time: who is in already is no news. */
  async #load(room: string, followed: Followed): Promise<void> {
    const { view } = followed
    const { nodes, log } = this.#host
    view.await()
    try {
      const { items, missing } = await nodes.ask({
        to: addressOf({ room }),
        method: SNAPSHOT,
        payload: { room },
      })
      const there = nodes.nodes()
      for (const { node, value, error } of items) {
        const { version, members } = (value ?? {}) as Snapshot
        if (!error && there.includes(node)) view.replace(node, version, members)
      }
      for (const node of missing) this.#pull(node)
    } catch (error) {
      // When the other nodes are back, they are asked again.
      log.debug({ err: error, room, stage: 'rooms' }, 'nobody could be asked who is in a room')
    } finally {
      view.arrived()
      view.loading = false
      followed.ready = undefined
    }
  }

  #changed(node: string, change: NodeChange): void {
    if (change !== 'left') {
      this.#pull(node)
      return
    }
    for (const [room, { view }] of this.#rooms) this.#announce(room, { joined: [], left: view.drop(node) })
  }

  /** Asks a node for its members of all followed rooms. While that goes on, further calls make it one more time. */
  #pull(node: string): void {
    if (this.#rooms.size === 0) return
    const running = this.#pulls.has(node)
    this.#pulls.set(node, running)
    if (!running) void this.#pullAll(node)
  }

  async #pullAll(node: string): Promise<void> {
    const { nodes, log } = this.#host
    do {
      this.#pulls.set(node, false)
      try {
        const rooms = [...this.#rooms]
        for (let at = 0; at < rooms.length; at += CHUNK)
          await this.#pullSome(node, rooms.slice(at, at + CHUNK))
      } catch (error) {
        // It may have gone, which is known by now, or have no rooms at all.
        const expected = !nodes.nodes().includes(node) || (error as RookeryError).code === 'unknown_topic'
        // When it is this node that is cut off, it is told when that is over.
        if (!expected && nodes.connected) {
          const message = 'a node did not say who is in its rooms, and is asked again'
          log.warn({ err: error, node, stage: 'rooms' }, message)
          await new Promise((resolve) => setTimeout(resolve, RETRY_INTERVAL).unref())
          if (nodes.nodes().includes(node)) this.#pulls.set(node, true)
        }
      }
    } while (this.#pulls.get(node))
    this.#pulls.delete(node)
  }

  async #pullSome(node: string, rooms: readonly (readonly [string, Followed])[]): Promise<void> {
    const { nodes } = this.#host
    for (const [, { view }] of rooms) view.await()
    try {
      const payload = { rooms: rooms.map(([room]) => room) }
      const { version, rooms: lists } = (await nodes.askNode(node, SYNC, payload)) as Sync
      if (!nodes.nodes().includes(node)) return
      for (const [room, followed] of rooms) {
        if (this.#rooms.get(room) !== followed) continue
        const members = (Object.hasOwn(lists, room) && lists[room]) || []
        this.#announce(room, followed.view.replace(node, version, members))
        for (const { id } of members) this.#met(room, followed.view, id, node)
      }
    } finally {
      for (const [, { view }] of rooms) view.arrived()
    }
  }

  /** Tells this node's clients what a view has come to know at once. */
  #announce(room: string, { joined, left }: Difference): void {
    const isElsewhere = ({ id }: Stay) => !this.#host.here.get(room, id)
    for (const stay of joined.filter(isElsewhere)) {
      this.#deliver(messageOf(room, 'joined', { room, member: memberOf(stay) }))
    }
    for (const stay of left.filter(isElsewhere)) {
      const reason: LeaveReason = 'disconnected'
      this.#deliver(messageOf(room, 'left', { room, member: memberOf(stay), reason }))
    }
  }
}

const memberOf = ({ id, name }: Stay): Member => ({ id, name })

const messageOf = (room: string, what: Exclude<Change['what'], 'cleared'>, payload: object | undefined) => {
  const topic = `rooms/${room}/${what}`
  return { topics: [topic], topic, payload: JSON.stringify(payload), except: null, kind: null }
}
