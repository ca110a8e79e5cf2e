import { stat } from 'node:fs'
import { Rooms, rooms } from 'rookery/rooms'
import { expect, it, vi } from 'vitest'
import {
  connectPlain,
  type NatsNode,
  settled,
  startNode,
  startNodes,
  until,
  useNats,
} from '../support/nats.ts'

/** Largest message about members: a page of 64 KiB, and its header. */
const MAX_MESSAGE_BYTES = 80 * 1024

const roomsOf = ({ app }: NatsNode) => app.scope.get(Rooms)

/** Connects users to a node, who join rooms. */
const enter = async (
  node: NatsNode,
  names: readonly string[],
  rooms: (index: number) => readonly string[],
) => {
  for (const [index, user] of names.entries()) {
    const { session } = await node.connect([], { user })
    for (const room of rooms(index)) await roomsOf(node).join(session, room)
  }
}

const names = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`)

/** Records the sizes of all messages on a server. */
const watch = async (server: { readonly url: string }) => {
  const sizes: number[] = []
  const plain = await connectPlain(server)
  plain.subscribe('>', { callback: (_error, { data }) => void sizes.push(data.length) })
  await plain.flush()
  return { sizes, largest: () => sizes.reduce((largest, size) => Math.max(largest, size), 0) }
}

/** Log entries about messages that could not be sent. A busy machine may have a slow answer. */
const troubles = (nodes: readonly NatsNode[]) =>
  nodes.flatMap(({ lines }) =>
    lines.filter(
      ({ level, err }) => level === 'error' || (err as { code?: string })?.code === 'payload_too_large',
    ),
  )

it('the members of 500 rooms travel in bounded messages, also when the nodes see each other again', async () => {
  const server = await useNats()
  const options = () => ({ plugins: [rooms({ announce: false })] })
  const [a, b] = (await startNodes(server, 2, options)) as [NatsNode, NatsNode]
  const all = names(500, 'room')
  const some = (index: number) => Array.from({ length: 32 }, (_, n) => all[(32 * index + n) % 500] as string)
  // Names of 60 characters: together more than 1 MiB, which is the limit of NATS for one message.
  await enter(b, names(400, 'x'.repeat(56)), some)
  await enter(a, names(16, 'here'), some)
  const total = async () => {
    const lists = await Promise.all(all.map((room) => roomsOf(a).members(room)))
    return [lists.reduce((sum, { items }) => sum + items.length, 0), lists.flatMap(({ missing }) => missing)]
  }
  expect(await total()).toEqual([416 * 32, []])
  await settled(a, b)
  const { largest } = await watch(server)
  await server.kill()
  await until(() => !a.app.cluster.connected && !b.app.cluster.connected)
  await server.restart()
  // The list of every room is fetched again.
  await vi.waitFor(() => expect(largest()).toBeGreaterThan(10 * 1024), 30_000)
  await vi.waitFor(async () => expect(await total()).toEqual([416 * 32, []]), 30_000)
  expect(largest()).toBeLessThan(MAX_MESSAGE_BYTES)
  expect(troubles([a, b])).toEqual([])
}, 120_000)

it('a room of 12,000 is listed completely by every node, in bounded messages', async () => {
  const server = await useNats()
  const options = () => ({ plugins: [rooms({ announce: false })] })
  const [a, b, c] = (await startNodes(server, 3, options)) as [NatsNode, NatsNode, NatsNode]
  await enter(b, names(12_000, 'somebody-with-a-name-of-some-length'), () => ['42'])
  const { largest } = await watch(server)
  await settled(a, b, c)
  await enter(a, ['ada'], () => ['42'])
  for (const node of [a, b, c]) {
    await vi.waitFor(async () => {
      const { items, missing } = await roomsOf(node).members('42')
      expect([items.length, new Set(items.map(({ id }) => id)).size, missing]).toEqual([12_001, 12_001, []])
      expect(items.at(-1)?.id).toBe('ada')
    }, 30_000)
  }
  expect(await roomsOf(c).close('42')).toBe(12_001)
  expect(largest()).toBeGreaterThan(10 * 1024)
  expect(largest()).toBeLessThan(MAX_MESSAGE_BYTES)
  expect(troubles([a, b, c])).toEqual([])
}, 120_000)

it('the members of a lost node leave in slices: other I/O is handled meanwhile, and a member that comes back stays', async () => {
  const server = await useNats()
  const a = await startNode(server, { plugins: [rooms()] })
  // Its own clients are not told, which would take 1.5 million messages.
  const b = await startNode(server, { plugins: [rooms({ announce: false })] })
  await until(() => b.app.cluster.nodes().length === 2)
  const lost = names(1500, 'lost')
  await enter(a, names(399, 'here'), () => ['42'])
  const watcher = await a.connect([], { user: 'watcher' })
  await roomsOf(a).join(watcher.session, '42')
  await enter(b, lost, () => ['42'])
  const told = (what: 'joined' | 'left') =>
    watcher.messages
      .filter(([topic]) => topic === `rooms/42/${what}`)
      .map(([, payload]) => (payload as { member: { id: string } }).member.id)
  await until(() => told('joined').includes('lost-1499'))

  const during = new Set<number>()
  let reading = true
  const read = () =>
    stat('.', () => {
      const count = told('left').length
      if (count > 0 && count < lost.length) during.add(count)
      if (reading) setImmediate(read)
    })
  read()
  let back: Promise<unknown> | undefined
  const rejoin = async () => {
    for (const user of ['lost-0', 'lost-1499']) {
      await roomsOf(a).join((await a.connect([], { user })).session, '42')
    }
  }
  const stopped = b.app.stop()
  await until(() => {
    if (told('left').length > 0) back ??= rejoin()
    return told('left').includes('lost-1498')
  })
  reading = false
  await Promise.all([back, stopped])
  expect(during.size).toBeGreaterThan(0)
  // In the order of joining. The member that had not left yet stays without a message.
  const gone = told('left')
  expect(gone).toEqual(lost.slice(0, gone.includes('lost-1499') ? 1500 : 1499))
  const again = ['lost-0', ...(gone.includes('lost-1499') ? ['lost-1499'] : [])]
  await vi.waitFor(() => expect(told('joined').slice(1 + lost.length)).toEqual(again))
  const { items } = await roomsOf(a).members('42')
  expect(items.map(({ id }) => id).sort()).toEqual(
    [...names(399, 'here'), 'watcher', 'lost-0', 'lost-1499'].sort(),
  )
}, 120_000)
