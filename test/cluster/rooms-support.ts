import { Cluster } from 'rookery'
import { Rooms, type RoomsOptions, rooms } from 'rookery/rooms'
import { expect, vi } from 'vitest'
import type { RoomRegistry } from '../../plugins/rooms/room-registry.ts'
import { MemoryCluster } from '../../plugins/testing/memory-cluster/memory-cluster.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type BareClient, connectBare } from '../support/bare-client.ts'

export interface Node extends TestApp {
  readonly id: string
  readonly rooms: Rooms
  /** Returns the numbers of rooms, replicas and claims, and the interest that it has gained since its start. */
  usage(): object
}

const NOTHING = { rooms: 0, replicas: 0, claims: 0, wanted: [], patterns: 0 }

/** Starts the nodes of one app, and counts the interest of each. They stop with the test. */
export const startNodes = async (count: number, options?: RoomsOptions) => {
  const cluster = new MemoryCluster()
  const nodes: Node[] = []
  while (nodes.length < count) {
    const started = await startApp({ plugins: [rooms(options), cluster.plugin()] })
    const { app } = started
    const interest = vi.spyOn(app.scope.get(Cluster), 'interest')
    const registry = app.scope.get(Rooms) as RoomRegistry
    const usage = () => {
      const counts = new Map<string, number>()
      for (const [pattern, wanted] of interest.mock.calls) {
        counts.set(pattern, (counts.get(pattern) ?? 0) + (wanted ? 1 : -1))
      }
      const wanted = [...counts].filter(([, number]) => number !== 0)
      return { ...registry.usage, wanted, patterns: app.usage.patterns }
    }
    nodes.push({ ...started, id: app.cluster.node, rooms: registry, usage })
  }
  return { cluster, nodes }
}

export const member = (name: string) => ({ id: name, name })

/** Connects a user, who is in the room when the welcome arrives. */
export const enter = (node: Node, username: string, room = '42'): Promise<BareClient> =>
  connectBare(node.url, `?username=${username}&roomID=${room}`)

export const join = (client: BareClient, room = '42') => client.ask({ topic: 'room/join', payload: { room } })
export const leave = (client: BareClient, room = '42') =>
  client.ask({ topic: 'room/leave', payload: { room } })

/** Returns the joins and leaves that a client was told of, in order: `+ada`, `-ada`. */
export const told = (client: BareClient): string[] =>
  client.frames.flatMap(({ topic, payload }) => {
    const what = /^rooms\/[^/]+\/(joined|left)$/.exec(topic ?? '')?.[1]
    return what ? [`${what === 'joined' ? '+' : '-'}${payload.member.id}`] : []
  })

export const untilTold = (client: BareClient, ...what: readonly string[]): Promise<void> =>
  vi.waitFor(() => expect(told(client)).toEqual(what), { interval: 5 })

let markers = 0

/** Waits until all earlier messages of every node have reached clients that are in the room or subscribe to it. */
export const settle = async (nodes: readonly Node[], clients: readonly BareClient[], room = '42') => {
  // Two rounds: a message that a node sends because of the first round leaves before the second.
  for (let round = 0; round < 2; round++) {
    const marker = `marker-${++markers}`
    for (const { rooms } of nodes) await rooms.broadcast(room, marker)
    const came = (client: BareClient) => client.on(`rooms/${room}/${marker}`).length
    await vi.waitFor(() => expect(clients.map(came)).toEqual(clients.map(() => nodes.length)), {
      interval: 5,
    })
  }
}

export const names = async (node: Node, room = '42'): Promise<string[]> =>
  (await node.rooms.members(room)).items.map(({ name }) => name)

/** Waits until no node keeps anything. All members must have left. */
export const untilNothing = (nodes: readonly Node[]): Promise<void> =>
  vi.waitFor(() => expect(nodes.map((node) => node.usage())).toEqual(nodes.map(() => NOTHING)), {
    interval: 5,
  })
