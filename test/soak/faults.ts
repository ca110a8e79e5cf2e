import type { Random } from '../../plugins/testing/random.ts'
import { type JobLog, KILL_MARGIN_MS } from './job-log.ts'
import type { Population } from './population.ts'
import type { Revoker } from './revoker.ts'
import type { SoakClient } from './soak-client.ts'
import type { SoakCluster } from './soak-cluster.ts'
import type { SoakNode } from './soak-node.ts'
import { missedMessages } from './truth.ts'
import { untilNone } from './until.ts'
import type { Violations } from './violations.ts'
import type { Windows } from './windows.ts'

export type FaultName = 'kill' | 'stop' | 'nats' | 'link' | 'cut'

export const FAULTS: readonly FaultName[] = ['kill', 'stop', 'nats', 'link', 'cut']

/** Milliseconds within which clients must be connected again, and messages of a stopped node must have arrived. */
const MOVE_MS = 60_000
const ARRIVE_MS = 30_000
/** Milliseconds before NATS ends in which messages are on their way, and longest time that it is away. */
const NATS_MARGIN_MS = 3_000
const NATS_AWAY_MS = 2_000
/** Milliseconds without NATS: the node is not missed, or has left for the others. */
const CUT_OFF_MS = [500, 8_500]

/** Causes faults, and checks what must hold for each one. */
export class Faults {
  readonly counts = new Map<string, number>()
  readonly #random: Random
  readonly #cluster: SoakCluster
  readonly #population: Population
  readonly #revoker: Revoker
  readonly #jobs: JobLog
  readonly #violations: Violations
  readonly #outages: Windows
  readonly #jobFaults: Windows
  readonly #print: (line: string) => void

  constructor(
    random: Random,
    cluster: SoakCluster,
    population: Population,
    revoker: Revoker,
    jobs: JobLog,
    violations: Violations,
    outages: Windows,
    jobFaults: Windows,
    print: (line: string) => void,
  ) {
    this.#random = random
    this.#cluster = cluster
    this.#population = population
    this.#revoker = revoker
    this.#jobs = jobs
    this.#violations = violations
    this.#outages = outages
    this.#jobFaults = jobFaults
    this.#print = print
  }

  /** Causes a fault. Resolves when it is over. */
  async cause(name: FaultName): Promise<void> {
    const causes: Readonly<Record<FaultName, () => Promise<void>>> = {
      kill: () => this.#kill(this.#random.pick(this.#cluster.nodes)),
      stop: () => this.#replaceInOrder(this.#random.pick(this.#cluster.nodes)),
      nats: () => this.#loseNats(() => this.#restartNats()),
      link: () => this.#loseNats(() => this.#cutOff()),
      cut: async () => this.#cluster.balancer.cut(3),
    }
    const start = new Date()
    await causes[name]()
    this.#count(name)
    this.#print(`fault: ${name} from ${start.toISOString()} for ${Date.now() - start.getTime()} ms`)
  }

  /** Stops all nodes in order. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#cluster.nodes].map((node) => this.#stop(node)))
  }

  async #kill(node: SoakNode): Promise<void> {
    const over = this.#jobFaults.open(Date.now() - KILL_MARGIN_MS)
    const moved = this.#untilMoved(node)
    await this.#cluster.end(node, 'SIGKILL')
    over(Date.now() + KILL_MARGIN_MS)
    this.#revoker.killed(node)
    await moved
    await this.#addNode()
  }

  /** Stops a node. Another node starts before, as in a rolling update, or after all clients have moved. */
  async #replaceInOrder(node: SoakNode): Promise<void> {
    const isBefore = this.#random.below(2) === 0
    if (isBefore) await this.#addNode()
    const moved = this.#untilMoved(node)
    await this.#stop(node)
    await moved
    if (!isBefore) await this.#addNode()
  }

  async #addNode(): Promise<void> {
    const node = await this.#cluster.addNode()
    await this.#cluster.begin([node])
  }

  /** Stops a node in order. Nothing that it has published, and no event for its group of workers, may be lost. */
  async #stop(node: SoakNode): Promise<void> {
    const code = await this.#cluster.end(node, 'SIGTERM')
    if (code !== 0) this.#violations.add('stop', `${node} ended with exit code ${code}`)
    this.#revoker.killed(node)
    const { published = {}, jobs = 0 } = node.stopping ?? {}
    const missed = await untilNone(
      () => [
        ...missedMessages(this.#population.clients, node.id, published),
        ...this.#jobs.missing(node.id, jobs).map((n) => `event ${n}`),
      ],
      ARRIVE_MS,
    )
    for (const one of missed.filter((text) => !text.startsWith('event'))) {
      this.#violations.add('lost at the stop of a node', one)
    }
    this.#jobs.check(node.id, jobs)
  }

  async #restartNats(): Promise<void> {
    const how = this.#random.pick(['kill', 'stop'] as const)
    await this.#cluster.restartNats(how, 300 + this.#random.below(NATS_AWAY_MS))
  }

  async #cutOff(): Promise<void> {
    const ms = this.#random.pick(CUT_OFF_MS)
    await this.#cluster.cutOff(this.#random.pick(this.#cluster.nodes), ms)
  }

  /** Messages between nodes may be lost until all nodes are connected again. */
  async #loseNats(fault: () => Promise<void>): Promise<void> {
    const from = Date.now() - NATS_MARGIN_MS
    const over = [this.#outages.open(from), this.#jobFaults.open(from)]
    await fault()
    for (const problem of await this.#cluster.untilAgreed()) this.#violations.add('nodes', problem)
    for (const one of over) one()
  }

  /** Waits until all clients are connected to other nodes. */
  async #untilMoved(node: SoakNode): Promise<void> {
    const waiting = new Set(this.#population.clients)
    const isMoved = (client: SoakClient) =>
      client.login.revoked ||
      !this.#population.clients.includes(client) ||
      (client.node !== undefined && client.node !== node.id)
    const left = await untilNone(() => {
      for (const client of waiting) if (isMoved(client)) waiting.delete(client)
      return [...waiting].map(String)
    }, MOVE_MS)
    for (const name of left) this.#violations.add('disconnected', `${name} has not moved from ${node}`)
  }

  #count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }
}
