import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Cluster } from '../support/cluster-harness.ts'
import { invite, KINDS, type Person, untilOpen } from '../support/cluster-clients.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await Cluster.start('e2e-chat')
})
afterAll(async () => {
  await cluster?.stop()
})

/** Connects four clients of each transport, through the balancer. */
const company = (room: string, url = cluster.url): Person[] =>
  ['a', 'b', 'c'].flatMap((letter) => KINDS.map((kind) => invite(url, `${kind}-${letter}`, kind, room)))

const sequence = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

/** Returns the number of clients at each node. */
const spread = async (people: readonly Person[]): Promise<string> => {
  const nodes = await Promise.all(people.map((person) => person.node()))
  const counts = cluster.nodes.map(({ id }) => nodes.filter((node) => node === id).length)
  return counts.join(' + ')
}

/** Lets received data be read, and sent data leave. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('twelve clients of all transports, behind a balancer that sends each request to any node', () => {
  it('receive every message of each client once and in order, without an error', async () => {
    const people = company('all')
    await untilOpen(people)
    cluster.report(`people at the nodes: ${await spread(people)}`)
    const start = Date.now()
    for (let round = 0; round < 50; round++) {
      for (const person of people) person.say()
      await turn()
    }
    const complete = () => {
      for (const { name, heard } of people) expect(heard.length, name).toBeGreaterThanOrEqual(600)
    }
    await cluster.timed('12 x 50 messages heard by all 12', start, 15_000, complete)
    for (const hearer of people) {
      for (const { name } of people) {
        expect(hearer.numbers(name), `${hearer.name} of ${name}`).toEqual(sequence(50))
      }
      expect(hearer.heard, hearer.name).toHaveLength(600)
      expect([hearer.troubles, hearer.opened], hearer.name).toEqual([[], 1])
    }
    cluster.report(`requests and WebSockets by node: ${[...cluster.balancer.picks.values()].join(' + ')}`)
    for (const node of cluster.nodes) expect(node.complaints()).toEqual([])
  })

  it('see each member once, and are told once of each join and leave', async () => {
    const first = invite(cluster.url, 'first', 'websocket', 'hall')
    await untilOpen([first])
    const people = company('hall')
    await untilOpen(people)
    const names = people.map(({ name }) => name)
    for (const person of people) {
      const { members, missing, total } = await person.members()
      expect([members.map(({ id }) => id).sort(), missing, total]).toEqual([
        ['first', ...names].sort(),
        [],
        people.length + 1,
      ])
    }
    await vi.waitFor(() => expect(first.announced.length).toBeGreaterThanOrEqual(names.length))
    const [leaver, ...rest] = people as [Person, ...Person[]]
    leaver.close()
    await vi.waitFor(() => {
      for (const person of [first, ...rest])
        expect(person.news(leaver.name), person.name).toContain('left:disconnected')
    })
    const { members } = await first.members()
    expect(members).toHaveLength(people.length)
    expect(names.map((name) => first.news(name))).toEqual([
      ['joined', 'left:disconnected'],
      ...rest.map(() => ['joined']),
    ])
    for (const person of rest) {
      for (const { name } of rest) expect(['', 'joined']).toContain(person.news(name).join())
    }
  })

  it('join a room that has no members on any node without waiting', async () => {
    for (const node of cluster.nodes) {
      for (const kind of KINDS) {
        const start = Date.now()
        const person = invite(node.url, `only-${kind}`, kind, `${node.id}-${kind}`)
        await untilOpen([person])
        const { members, missing } = await person.members()
        expect(Date.now() - start, kind).toBeLessThan(900)
        expect([members, missing]).toEqual([[{ id: person.name, name: person.name }], []])
      }
    }
  })

  it('are answered by the node of their session, whichever node receives the request', async () => {
    const people = KINDS.map((kind) => invite(cluster.url, kind, kind, 'calls'))
    await untilOpen(people)
    const before = cluster.balancer.picks.size
    for (const person of people) {
      const owner = await person.node()
      const answers = new Set<string>()
      for (let call = 0; call < 20; call++) answers.add(await person.node())
      expect([...answers], person.name).toEqual([owner])
    }
    expect(before).toBe(cluster.nodes.length)
  })

  it('can be reached by name from any node', async () => {
    const people = KINDS.map((kind) => invite(cluster.url, `to-${kind}`, kind, 'post'))
    await untilOpen(people)
    for (const from of people) {
      for (const to of people) {
        const message = { member: { id: from.name } }
        expect(await from.call('send', { user: to.name, topic: 'rooms/post/joined', message })).toBe(1)
      }
    }
    const nobody = people[0]?.call('send', { user: 'nobody', topic: 'x', message: 1 })
    await expect(nobody).rejects.toMatchObject({ code: 'not_connected' })
    for (const person of people) {
      const letters = person.announced.filter(({ id }) => id.startsWith('to-'))
      expect(letters.length).toBeGreaterThanOrEqual(people.length)
    }
  })
})
