import type { CallLog } from './call-log.ts'
import type { JobLog } from './job-log.ts'
import type { Population } from './population.ts'
import type { Probes } from './probes.ts'
import type { Revocations } from './revocations.ts'
import type { SoakCluster } from './soak-cluster.ts'
import {
  absentClients,
  missedMessages,
  wrongAnswers,
  wrongMembers,
  wrongSessions,
  wrongViews,
} from './truth.ts'
import { untilNone } from './until.ts'
import type { Violations } from './violations.ts'

/** Milliseconds until all nodes and clients must see the truth: a killed node's members leave within 8 s. */
const AGREE_MS = 60_000
const ARRIVE_MS = 30_000

/** Waits until the faults are over, and compares what nodes and clients see with the truth. */
export class Settling {
  readonly #cluster: SoakCluster
  readonly #population: Population
  readonly #revocations: Revocations
  readonly #calls: CallLog
  readonly #jobs: JobLog
  readonly #violations: Violations

  constructor(
    cluster: SoakCluster,
    population: Population,
    revocations: Revocations,
    calls: CallLog,
    jobs: JobLog,
    violations: Violations,
  ) {
    this.#cluster = cluster
    this.#population = population
    this.#revocations = revocations
    this.#calls = calls
    this.#jobs = jobs
    this.#violations = violations
  }

  /** @param probes whose messages must have arrived */
  async settle(probes: Probes): Promise<void> {
    for (const node of this.#cluster.crashed) this.#violations.add('crash', `${node} has ended by itself`)
    await this.#report('nodes', () => this.#cluster.untilAgreed())
    await this.#check('disconnected', () => absentClients(this.#population.clients))
    await this.#check('sessions', async () =>
      wrongSessions(await this.#cluster.look(), this.#population.clients),
    )
    await this.#check('members', async () =>
      wrongMembers(await this.#cluster.look(), this.#population.clients),
    )
    await this.#check('views of rooms', () => wrongViews(this.#population.clients))
    // A wrong view stays wrong. The next look would report it again.
    for (const { rooms } of this.#population.clients) for (const watch of rooms.values()) watch.forget()
    await this.#check('answers about rooms', () => wrongAnswers(this.#population.clients))
    await this.#report('message right after a subscription lost', () =>
      untilNone(() => probes.missing(), ARRIVE_MS),
    )
    probes.clear()
    await this.#check('disconnected', () => absentClients(this.#population.clients))
    await this.#calls.settled()
    await this.#checkMessages()
    // The nodes have been asked since, so all that they told before has come.
    this.#calls.check()
    await this.#report('revoked session alive', async () =>
      (await this.#cluster.look()).flatMap((view) => this.#revocations.alive(view)),
    )
    for (const { id, url } of this.#cluster.nodes) {
      await this.#report('revoked token accepted', () => this.#revocations.accepted(id, url))
    }
  }

  /** Every subscription gets a message that each node publishes from now on, and each event is handled. */
  async #checkMessages(): Promise<void> {
    const since = Date.now()
    const before = await this.#cluster.look()
    const isBehind = (published: Readonly<Record<string, number>>, node: string) => {
      const old = before.find((view) => view.node === node)?.published ?? {}
      return Object.keys(published).some((topic) => published[topic]! <= (old[topic] ?? 0))
    }
    let views = before
    await this.#check('publishing', async () => {
      views = await this.#cluster.look()
      return views
        .filter(({ node, published }) => isBehind(published, node))
        .map(({ node }) => `${node} does not publish`)
    })
    await this.#check('message lost', () =>
      views.flatMap(({ node, published }) => {
        const latest = Object.entries(published).map(([topic, n]) => [topic, { n, at: since }])
        return missedMessages(this.#population.clients, node, Object.fromEntries(latest))
      }),
    )
    await untilNone(
      () => views.flatMap(({ node, jobs }) => this.#jobs.missing(node, jobs).map(String)),
      ARRIVE_MS,
    )
    for (const { node, jobs } of views) this.#jobs.check(node, jobs)
  }

  /** Waits until there are no problems. Problems that stay are violations. */
  async #check(check: string, look: () => readonly string[] | Promise<readonly string[]>): Promise<void> {
    await this.#report(check, () => untilNone(look, AGREE_MS))
  }

  async #report(check: string, look: () => Promise<readonly string[]>): Promise<void> {
    for (const problem of await look()) this.#violations.add(check, problem)
  }
}
