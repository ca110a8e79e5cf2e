import { describe, expect, it, vi } from 'vitest'
import { type Cluster, useCluster } from '../support/cluster-harness.ts'
import {
  chatter,
  disorder,
  invite,
  KINDS,
  missed,
  type Person,
  untilAllHear,
  untilOpen,
} from '../support/cluster-clients.ts'
import type { NodeProcess } from '../support/cluster-process.ts'

/** A node counts as gone 6 s after its last heartbeat, which is checked every 2 s. The rest is for a busy machine. */
const NOTICED = 8_500

interface Scene {
  readonly cluster: Cluster
  /** The node that is killed, stopped or frozen. */
  readonly victim: NodeProcess
  /** Clients that connect through the balancer. */
  readonly people: readonly Person[]
  /** Clients that are connected to the victim directly. */
  readonly bound: readonly Person[]
  /** Clients that are connected to the other nodes directly, one at each. */
  readonly witnesses: readonly Person[]
  readonly hush: () => void
}

/** Starts a room in which all clients send messages all the time. */
const startChat = async (name: string): Promise<Scene> => {
  const cluster = await useCluster(name)
  const victim = cluster.random.pick(cluster.nodes)
  const witnesses = cluster
    .others(victim)
    .map(({ url }, index) => invite(url, `witness-${index}`, 'websocket', 'room'))
  await untilOpen(witnesses)
  const bound = KINDS.map((kind) => invite(victim.url, `bound-${kind}`, kind, 'room'))
  const people = ['a', 'b'].flatMap((letter) =>
    KINDS.map((kind) => invite(cluster.url, `${kind}-${letter}`, kind, 'room')),
  )
  const all = [...witnesses, ...bound, ...people]
  await untilOpen(all)
  const hush = chatter(all)
  await untilAllHear(all)
  return { cluster, victim, people, bound, witnesses, hush }
}

/** Returns the members that a node lists, and how long the answer took. */
const askMembers = async (cluster: Cluster, witness: Person) => {
  const asked = Date.now()
  const { members, missing } = await witness.members()
  const took = Date.now() - asked
  cluster.report(`${witness.name} is told of ${members.length} members, missing [${missing}], in ${took} ms`)
  return { names: members.map(({ id }) => id), missing, took }
}

const noticed = (node: NodeProcess, other: NodeProcess, change: 'left' | 'joined', since: number) => () => {
  const at = node.noticed(other.id, change, since)
  if (at === undefined) throw new Error(`${node.id} has not noticed that ${other.id} has ${change}`)
  return at
}

/** Returns the nodes of the clients that connected through the balancer. */
const homes = (people: readonly Person[]) =>
  Promise.all(people.map(async (person) => ({ person, node: await person.node() })))

/** Checks the final state. */
const expectWhole = async ({ cluster, people, witnesses, hush }: Scene, more: readonly Person[] = []) => {
  const all = [...witnesses, ...people, ...more]
  await untilAllHear(all)
  hush()
  expect(disorder(all)).toEqual([])
  for (const person of all) {
    await vi.waitFor(async () => {
      const { members, missing } = await person.members()
      expect([members.map(({ id }) => id).sort(), missing]).toEqual([all.map(({ name }) => name).sort(), []])
    })
  }
  const losses = people.map((speaker) => Math.max(...witnesses.map((witness) => missed(witness, speaker))))
  cluster.report(`messages of each person that a witness has missed: ${losses.join()} of ${people[0]?.said}`)
}

/** Checks that clients of other nodes missed no message, even if only their streams were at the lost node. */
const expectUnharmed = ({ people, witnesses }: Scene, moved: readonly Person[]) => {
  const stayers = people.filter((person) => !moved.includes(person))
  for (const person of stayers) {
    expect([person.opened, person.troubles], person.name).toEqual([1, []])
    for (const other of [...stayers, ...witnesses]) {
      expect(missed(other, person), `${other.name} of ${person.name}`).toBe(0)
      expect(missed(person, other), `${person.name} of ${other.name}`).toBe(0)
    }
  }
}

/** Checks that every client was told once of each join and leave. */
const expectGone = (witnesses: readonly Person[], people: readonly Person[]) => {
  for (const witness of witnesses) {
    for (const { name } of people) expect(witness.news(name)).toEqual(['joined', 'left:disconnected'])
  }
}

/** Checks that a client that moved may have left and joined again, in turn, and is a member in the end. */
const expectSeenThere = (witnesses: readonly Person[], people: readonly Person[]) => {
  for (const witness of witnesses) {
    for (const { name } of people) {
      const news = witness.news(name).map((one) => one.split(':')[0])
      expect(news.at(-1), `${witness.name} of ${name}: ${news}`).toBe('joined')
      expect(news.filter((one, index) => one === news[index - 1])).toEqual([])
    }
  }
}

describe('a node that is killed with kill -9', () => {
  it('is noticed by the other nodes, its clients move to them, and a new node can replace it', async () => {
    const scene = await startChat('e2e-kill')
    const { cluster, victim, people, bound, witnesses } = scene
    const survivors = cluster.others(victim)
    const orphans = (await homes(people)).filter(({ node }) => node === victim.id).map(({ person }) => person)
    const killed = Date.now()
    await cluster.kill(victim)

    await Promise.all([
      ...witnesses.map(async (witness) => {
        const { names, missing, took } = await askMembers(cluster, witness)
        expect(took).toBeLessThan(2_000)
        expect(missing).toEqual([victim.id])
        expect(names).toEqual(expect.arrayContaining(witnesses.map(({ name }) => name)))
        for (const { name } of bound) expect(names).not.toContain(name)
      }),
      ...orphans.map((person) =>
        cluster.timed(`${person.name} has moved`, killed, 15_000, () =>
          expect([person.open, person.opened]).toEqual([true, 2]),
        ),
      ),
      ...survivors.map((node) =>
        cluster.timed('noticed', killed, NOTICED, noticed(node, victim, 'left', killed)),
      ),
      cluster.timed('its members are announced to have left', killed, 10_000, () =>
        expectGone(witnesses, bound),
      ),
    ])
    cluster.report(`${orphans.length} of ${people.length} had to move`)

    const started = Date.now()
    const successor = await cluster.addNode()
    await cluster.agrees()
    cluster.report(`a new node is in the cluster: ${Date.now() - started} ms`)
    const newcomers: Person[] = []
    let home = ''
    while (home !== successor.id) {
      expect(newcomers.length).toBeLessThan(50)
      const newcomer = invite(cluster.url, `new-${newcomers.length}`, cluster.random.pick(KINDS), 'room')
      newcomers.push(newcomer)
      await untilOpen([newcomer])
      home = await newcomer.node()
    }
    chatter(newcomers)
    await expectWhole(scene, newcomers)
    expectSeenThere(witnesses, people)
    expectUnharmed(scene, orphans)
    expectGone(witnesses, bound)
  })
})

describe('a node that is stopped with SIGTERM', () => {
  it('tells the other nodes at once that it leaves, and its clients move without an error', async () => {
    const scene = await startChat('e2e-stop')
    const { cluster, victim, people, bound, witnesses } = scene
    const survivors = cluster.others(victim)
    const movers = (await homes(people)).filter(({ node }) => node === victim.id).map(({ person }) => person)
    const stopped = Date.now()
    expect(await cluster.kill(victim, 'SIGTERM')).toBe(0)
    cluster.report(`stopped with exit code 0: ${Date.now() - stopped} ms`)
    for (const node of survivors) {
      await cluster.timed('seen to leave', stopped, 3_000, noticed(node, victim, 'left', stopped))
    }
    await Promise.all([
      ...movers.map(async (person) => {
        await cluster.timed(`${person.name} has moved`, stopped, 10_000, () =>
          expect([person.open, person.opened]).toEqual([true, 2]),
        )
        cluster.report(`${person.name} was told ${person.troubles}`)
      }),
      cluster.timed('who does not come back is announced to have left', stopped, 5_000, () =>
        expectGone(witnesses, bound),
      ),
    ])
    await expectWhole(scene)
    expectSeenThere(witnesses, people)
    expectUnharmed(scene, movers)
    for (const person of people) {
      expect(person.troubles.filter((trouble) => trouble.startsWith('error:'))).toEqual([])
    }
    for (const node of [victim, ...survivors]) expect(node.complaints()).toEqual([])
  })
})

describe('a node that is frozen with SIGSTOP', () => {
  it('is missing in answers, counts as gone, and joins the cluster again when it continues', async () => {
    const scene = await startChat('e2e-freeze')
    const { cluster, victim, bound, witnesses } = scene
    const survivors = cluster.others(victim)
    // A balancer would ask /readyz.
    cluster.balancer.remove(victim)
    const frozen = Date.now()
    await victim.signal('SIGSTOP')
    await Promise.all(
      witnesses.map(async (witness) => {
        const { missing, took } = await askMembers(cluster, witness)
        expect(took).toBeLessThan(2_000)
        expect(missing).toEqual([victim.id])
      }),
    )
    for (const node of survivors) {
      await cluster.timed('noticed', frozen, NOTICED, noticed(node, victim, 'left', frozen))
    }
    await cluster.timed('its members are announced to have left', frozen, 10_000, () => {
      for (const witness of witnesses) {
        for (const { name } of bound) expect(witness.news(name).at(-1)).toBe('left:disconnected')
      }
    })
    await untilAllHear(witnesses)

    const thawed = Date.now()
    await victim.signal('SIGCONT')
    cluster.balancer.add(victim)
    for (const node of survivors) {
      await cluster.timed('seen to come back', thawed, 5_000, noticed(node, victim, 'joined', thawed))
    }
    await cluster.timed('its members are announced again', thawed, 10_000, () => {
      for (const witness of witnesses) {
        for (const { name } of bound)
          expect(witness.news(name).at(-1), `${witness.name} of ${name}`).toBe('joined')
      }
    })
    await cluster.agrees()
    await untilAllHear([...witnesses, ...bound])
    cluster.report(`messages flow again: ${Date.now() - thawed} ms`)
    await expectWhole(scene, bound)
    expectSeenThere(witnesses, bound)
    for (const { name, opened, troubles } of bound) expect([opened, troubles], name).toEqual([1, []])
  })
})
