import { setTimeout as delay } from 'node:timers/promises'
import { createRandom, type Random } from '../../plugins/testing/random.ts'
import { activeResources, type Resources } from '../../plugins/testing/resources.ts'
import { CallLog } from './call-log.ts'
import { type FaultName, Faults } from './faults.ts'
import { JobLog } from './job-log.ts'
import { checkLeftovers, checkOwnLeftovers, type Leftovers, takeLeftovers } from './leftovers.ts'
import type { DeliveryRecord } from './listening.ts'
import { Population, userOf } from './population.ts'
import { Probes } from './probes.ts'
import { Revocations } from './revocations.ts'
import { Revoker } from './revoker.ts'
import { Settling } from './settling.ts'
import { SoakCluster } from './soak-cluster.ts'
import { Violations } from './violations.ts'
import { Windows } from './windows.ts'

const CLIENTS = 16

/** Longest time between two acts of the clients, and between two faults, in milliseconds. */
const ACT_PAUSE_MS = 60
const FAULT_PAUSE_MS = 1_500

type Print = (line: string) => void

/**
 * Three nodes, NATS, and clients of all transports that act at random while nodes and NATS fail. Between the rounds the
 * soak compares what all nodes and clients see with the truth.
 */
export class Soak {
  readonly violations: Violations
  readonly #random: Random
  readonly #record: DeliveryRecord
  readonly #calls: CallLog
  readonly #jobs: JobLog
  readonly #revocations = new Revocations()
  readonly #cluster: SoakCluster
  readonly #before: Leftovers
  /** Sockets and timers of this process before the soak. */
  readonly #ownBefore: Resources
  readonly #population: Population
  readonly #faults: Faults
  readonly #revoker: Revoker
  readonly #probes: Probes
  readonly #settling: Settling
  #acts = 0

  private constructor(
    print: Print,
    random: Random,
    cluster: SoakCluster,
    before: Leftovers,
    ownBefore: Resources,
    record: DeliveryRecord,
    calls: CallLog,
    jobs: JobLog,
    jobFaults: Windows,
  ) {
    this.#random = random
    this.#cluster = cluster
    this.#before = before
    this.#ownBefore = ownBefore
    this.#record = record
    this.#calls = calls
    this.#jobs = jobs
    const { violations, outages } = record
    this.violations = violations
    this.#population = new Population(random, cluster.url, record, CLIENTS)
    this.#probes = new Probes(random, cluster, this.#population)
    this.#revoker = new Revoker(random, cluster, this.#population, this.#revocations, outages)
    this.#faults = new Faults(
      random,
      cluster,
      this.#population,
      this.#revoker,
      jobs,
      violations,
      outages,
      jobFaults,
      print,
    )
    this.#settling = new Settling(cluster, this.#population, this.#revocations, calls, jobs, violations)
  }

  /** Starts everything. The caller calls `stop`. */
  static async start(seed: number, print: Print): Promise<Soak> {
    const ownBefore = activeResources()
    const random = createRandom(seed, 'soak')
    const violations = new Violations(print)
    const outages = new Windows()
    const jobFaults = new Windows()
    const calls = new CallLog(violations)
    const jobs = new JobLog(violations, jobFaults)
    const events = {
      call: (number: number) => calls.handled(number),
      job: (job: Parameters<JobLog['handled']>[0]) => jobs.handled(job),
    }
    const users = [...new Set(Array.from({ length: CLIENTS }, (_, index) => userOf(index, CLIENTS)))]
    const cluster = await SoakCluster.start({ seed, events, users })
    for (const problem of await cluster.untilAgreed()) violations.add('nodes', problem)
    const before = await takeLeftovers(cluster)
    const record = { violations, outages, delivered: 0, losses: new Map<string, number>() }
    const soak = new Soak(print, random, cluster, before, ownBefore, record, calls, jobs, jobFaults)
    await cluster.begin()
    return soak
  }

  /** Clients act at random while the faults happen one after the other. Then all must agree again. */
  async round(faults: readonly FaultName[]): Promise<void> {
    const controller = new AbortController()
    const acting = this.#act(controller.signal)
    try {
      for (const fault of faults) {
        await this.#pause(FAULT_PAUSE_MS)
        await this.#faults.cause(fault)
      }
      await this.#pause(FAULT_PAUSE_MS)
    } finally {
      controller.abort()
      await acting
    }
    await this.#revoker.finished()
    await this.#settling.settle(this.#probes)
    this.#revoker.kept()
    this.#population.renew()
  }

  /** Waits until all clients are back, then closes them. Nothing of them may be left. */
  async finish(): Promise<void> {
    await this.#settling.settle(this.#probes)
    this.#population.close()
    await this.#calls.settled()
    await checkLeftovers(this.#cluster, this.#before, this.violations)
    await this.#faults.stopAll()
    await this.stop()
    await checkOwnLeftovers(this.#ownBefore, this.violations)
    for (const line of this.#cluster.errors(this.#record.outages))
      this.violations.add('error in the log of a node', line)
  }

  /** Ends everything that still runs. Idempotent. */
  async stop(): Promise<void> {
    this.#population.close()
    await this.#cluster.stop()
  }

  /** What has happened so far, one fact a line. */
  get summary(): readonly string[] {
    const list = (counts: ReadonlyMap<string, number>) =>
      [...counts].map(([name, count]) => `${count} ${name}`).join(', ') || 'none'
    return [
      `delivered  ${this.#record.delivered} messages to subscriptions, ${this.#jobs.count} events to a group`,
      `calls      ${list(this.#calls.outcomes)}`,
      `clients    ${this.#acts} acts; connections lost: ${list(this.#record.losses)}`,
      `faults     ${list(this.#faults.counts)}, ${this.#revocations.count} revocations`,
      `violations ${list(this.violations.counts)}`,
    ]
  }

  async #act(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#actOnce()
      this.#acts++
      await this.#pause(ACT_PAUSE_MS)
    }
  }

  #actOnce(): void {
    const { below, pick } = this.#random
    const population = this.#population
    const call = () => {
      const client = population.pick()
      if (client.ended !== undefined) return
      this.#calls.add((number) => client.call('work/do', { number, ms: below(50) }))
    }
    if (below(50) === 0) {
      this.#revoker.revoke()
      return
    }
    pick([
      () => population.subscribe(),
      () => population.subscribe(),
      () => population.cancel(),
      () => this.#probes.add(),
      () => population.join(),
      () => population.join(),
      () => population.leave(),
      () => population.replace(),
      () => population.replace(),
      () => population.storm(),
      call,
      call,
      call,
      () => {
        for (let count = below(10); count >= 0; count--) call()
      },
    ])()
  }

  async #pause(limit: number): Promise<void> {
    await delay(1 + this.#random.below(limit))
  }
}
