import { nats } from 'rookery/nats'
import { Rooms, rooms } from 'rookery/rooms'
import { expect, it, vi } from 'vitest'
import { createRandom } from '../../plugins/testing/random.ts'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { type BareClient, connectBare, type Received } from '../support/bare-client.ts'
import { useNats } from '../support/nats.ts'

/** The members that a client knows from its frames in their order: the last list, and the changes after it. */
const known = (frames: readonly Received[]): string[] => {
  let members = new Set<string>()
  for (const { type, topic, payload } of frames) {
    if (type === 'reply' && payload?.members)
      members = new Set(payload.members.map(({ id }: { id: string }) => id))
    if (topic === 'rooms/42/joined') members.add(payload.member.id)
    if (topic === 'rooms/42/left') members.delete(payload.member.id)
  }
  return [...members].sort()
}

it('a list of members together with the events after it gives the truth, while others come and go on three nodes', async () => {
  verifies('delivery.rooms.lists')
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
  console.log(`lists and events: SEED=${seed}`)
  const random = createRandom(seed, 'lists and events')
  const server = await useNats()
  const nodes = await Promise.all(
    Array.from({ length: 3 }, () => startApp({ plugins: [rooms(), nats({ servers: server.url })] })),
  )
  await vi.waitFor(() => expect(nodes.map(({ app }) => app.cluster.nodes().length)).toEqual([3, 3, 3]))
  const connect = (name: string) => connectBare(random.pick(nodes).url, `?username=${name}`)
  const clients = await Promise.all(Array.from({ length: 28 }, (_, index) => connect(`stays-${index}`)))
  // Some users have devices on several nodes.
  const others = await Promise.all(Array.from({ length: 20 }, (_, index) => connect(`moves-${index % 15}`)))
  const turns = async (most: number) => {
    for (let count = random.below(most); count > 0; count--) await new Promise(setImmediate)
  }
  const sent = new Map<BareClient, number>()
  const send = (client: BareClient, what: 'join' | 'leave' | 'members') => {
    const id = (sent.get(client) ?? 0) + 1
    sent.set(client, id)
    client.send({ topic: `room/${what}`, payload: { room: '42' }, id })
  }
  const moves = others.map(async (other) => {
    for (let round = 0; round < 15; round++) {
      send(other, 'join')
      await turns(20)
      send(other, 'leave')
      await turns(20)
    }
    if (random.below(2) === 0) send(other, 'join')
  })
  for (const client of clients) {
    await turns(40)
    send(client, 'join')
    // Some ask for the list again.
    if (random.below(3) === 0) send(random.pick([...sent.keys()]), 'members')
  }
  await Promise.all(moves)
  await vi.waitFor(() => {
    for (const [{ frames }, count] of sent) {
      expect(frames.filter(({ type }) => type === 'reply')).toHaveLength(count)
    }
  }, 30_000)
  await vi.waitFor(async () => {
    const inside = nodes.flatMap(({ app }) => [...app.sessions].filter(({ rooms }) => rooms.has('42')))
    const names = [...new Set(inside.map(({ user }) => user?.id as string))].sort()
    expect(names.filter((name) => name.startsWith('stays'))).toHaveLength(28)
    const wrong = clients.filter(({ frames }) => String(known(frames)) !== String(names))
    const ghosts = wrong.filter(({ frames }) => known(frames).some((id) => !names.includes(id)))
    const lacking = wrong.filter(({ frames }) => names.some((id) => !known(frames).includes(id)))
    expect({ ghosts: ghosts.length, lacking: lacking.length }).toEqual({ ghosts: 0, lacking: 0 })
    for (const { app } of nodes) {
      const { items, missing } = await app.scope.get(Rooms).members('42')
      expect([items.map(({ id }) => id).sort(), missing]).toEqual([names, []])
    }
  }, 20_000)
}, 120_000)
