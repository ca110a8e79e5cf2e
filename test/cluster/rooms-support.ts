import { Cluster } from 'rookery'
import { Rooms, type RoomsOptions, rooms } from 'rookery/rooms'
import { expect, vi } from 'vitest'
import type { RoomRegistry } from '../../plugins/rooms/registry.ts'
import { MemoryCluster } from '../../plugins/testing/memory-cluster.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type BareClient, connectBare } from '../support/bare-client.ts'

export interface Node extends TestApp {
  /** Its id. */
  readonly id: string
  readonly rooms: Rooms
  /** What it keeps: rooms, views, claims, and what it wants of other nodes beyond what it wanted at the start. */
  usage(): object
}

const NOTHING = { rooms: 0, followed: 0, claims: 0, wanted: [], patterns: 0 }

/** Starts nodes that act as one app, with what each wants of the others counted; they are stopped with the test. */
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

/** Connects somebody who is in a room when they are welcomed. */
export const enter = (node: Node, username: string, room = '42'): Promise<BareClient> =>
  connectBare(node.url, `?username=${username}&roomID=${room}`)

export const join = (client: BareClient, room = '42') => client.ask({ topic: 'room/join', payload: { room } })
export const leave = (client: BareClient, room = '42') =>
  client.ask({ topic: 'room/leave', payload: { room } })

/** What a client was told of who came and went, in order: `+ada`, `-ada`. */
export const told = (client: BareClient): string[] =>
  client.frames.flatMap(({ topic, payload }) => {
    const what = /^rooms\/[^/]+\/(joined|left)$/.exec(topic ?? '')?.[1]
    return what ? [`${what === 'joined' ? '+' : '-'}${payload.member.id}`] : []
  })

export const untilTold = (client: BareClient, ...what: readonly string[]): Promise<void> =>
  vi.waitFor(() => expect(told(client)).toEqual(what), { timeout: 8000, interval: 5 })

let markers = 0

/** Waits until what every node has published before has come to a member of the room, or subscriber to it. */
export const settle = async (nodes: readonly Node[], clients: readonly BareClient[], room = '42') => {
  // Twice: what the first round sets off at a node goes out before the second.
  for (let round = 0; round < 2; round++) {
    const marker = `marker-${++markers}`
    for (const { rooms } of nodes) await rooms.broadcast(room, marker)
    const came = (client: BareClient) => client.on(`rooms/${room}/${marker}`).length
    await vi.waitFor(() => expect(clients.map(came)).toEqual(clients.map(() => nodes.length)), {
      timeout: 8000,
      interval: 5,
    })
  }
}

export const names = async (node: Node, room = '42'): Promise<string[]> =>
  (await node.rooms.members(room)).items.map(({ name }) => name)

/** Waits until no node keeps anything; everybody has to be gone. */
export const untilNothing = (nodes: readonly Node[]): Promise<void> =>
  vi.waitFor(() => expect(nodes.map((node) => node.usage())).toEqual(nodes.map(() => NOTHING)), {
    timeout: 8000,
    interval: 5,
  })
