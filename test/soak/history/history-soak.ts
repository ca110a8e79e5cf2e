import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { createRandom, type Random } from '../../../plugins/testing/random.ts'
import { SoakCluster } from '../soak-cluster.ts'
import type { SoakNode } from '../soak-node.ts'
import { untilNone } from '../until.ts'
import { Violations } from '../violations.ts'
import { Windows } from '../windows.ts'
import { countByPart, percentile } from './figures.ts'
import type { ClientsRecord } from './kept-client.ts'
import { KeptClients } from './kept-clients.ts'
import { KeptStream, MessageNumbers } from './kept-stream.ts'
import { NetworkCuts } from './network-cuts.ts'

/** How long a node may take to get the newest messages of the stream, in milliseconds. */
const READ_WAIT_MS = 10_000

export type HistoryFault = 'kill' | 'stop' | 'nats' | 'link'

export const HISTORY_FAULTS: readonly HistoryFault[] = ['kill', 'stop', 'nats', 'link']

export interface HistorySoakOptions {
  readonly seed: number
  readonly clients: number
  /** Messages that all nodes together publish in a second. */
  readonly rate: number
  /** Lifetime of the tokens, in seconds. */
  readonly lifetime: number
  /** Milliseconds over which the clients of a node that stops come back. */
  readonly spread: number
  readonly print: (line: string) => void
}

const NODES = 3
/** Longest time that NATS is away, in milliseconds, and times that a node is cut off from it. */
const NATS_AWAY_MS = 2_000
const CUT_OFF_MS = [500, 8_500]
/** Longest time in which a node must be connected to NATS again, in milliseconds. */
const CONNECT_MS = 60_000
/** Longest time in which 99 of 100 subscriptions must have got what they had missed, in milliseconds. */
const MAX_REPLAY_MS = 2_500

/**
 * Nodes with `history()` on NATS that publish all the time, and clients that come and go while nodes and NATS fail. At the
 * end, each subscription must have got the messages of the stream that it matches: all, once, and in order.
 */
export class HistorySoak {
  readonly violations: Violations
  readonly cluster: SoakCluster
  readonly clients: KeptClients
  readonly cuts: NetworkCuts
  readonly #options: HistorySoakOptions
  readonly #random: Random
  readonly #record: ClientsRecord
  readonly #confirmed: ReadonlySet<number>
  /** Times in which nodes may log errors. */
  readonly #outages = new Windows()
  readonly #loadAtStart = performance.eventLoopUtilization()
  #stored = 0

  private constructor(
    options: HistorySoakOptions,
    random: Random,
    cluster: SoakCluster,
    clients: KeptClients,
    record: ClientsRecord,
    confirmed: ReadonlySet<number>,
  ) {
    this.#options = options
    this.#random = random
    this.cluster = cluster
    this.clients = clients
    this.#record = record
    this.#confirmed = confirmed
    this.violations = record.violations
    this.cuts = new NetworkCuts(createRandom(options.seed, 'cuts'), cluster.balancer, clients.all)
  }

  /** Starts everything. The caller calls `stop`. */
  static async start(options: HistorySoakOptions): Promise<HistorySoak> {
    const { seed, print, rate, spread } = options
    const random = createRandom(seed, 'history')
    const violations = new Violations(print)
    const numbers = new MessageNumbers()
    const confirmed = new Set<number>()
    const cluster = await SoakCluster.start({
      seed,
      program: 'test/soak/history/node.ts',
      env: { SOAK_PUBLISH_MS: String((1000 * NODES) / rate), SOAK_SPREAD: `${spread}ms` },
      count: NODES,
      events: { call() {}, job() {}, stored: (node, n) => confirmed.add(numbers.of({ node, n })) },
    })
    try {
      for (const problem of await cluster.untilAgreed()) violations.add('nodes', problem)
      const record = { violations, numbers, replays: [], reconnects: [], lateRenewals: 0, delivered: 0 }
      const { clients: count, lifetime } = options
      const clients = await KeptClients.connect(cluster.url, count, lifetime, random, record)
      await cluster.begin()
      return new HistorySoak(options, random, cluster, clients, record, confirmed)
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  /** Causes a fault. Resolves when it is over. */
  async cause(fault: HistoryFault): Promise<void> {
    const { print } = this.#options
    const start = new Date()
    if (fault === 'kill') await this.#kill(this.#random.pick(this.cluster.nodes))
    else if (fault === 'stop') await this.replace(this.#random.pick(this.cluster.nodes))
    else await this.#loseNats(fault)
    print(`fault: ${fault} from ${start.toISOString()} for ${Date.now() - start.getTime()} ms`)
  }

  /**
   * Replaces a node as in a rolling update: another one starts, and this one stops in order. Returns when it began to stop, as of
   * `Date.now()`.
   */
  async replace(node: SoakNode): Promise<number> {
    await this.#addNode()
    const start = Date.now()
    const code = await this.cluster.end(node, 'SIGTERM')
    if (code !== 0) this.violations.add('stop', `${node} ended with exit code ${code}`)
    return start
  }

  /** A client is replaced by a new one, as by the reload of a page. */
  reload(how: 'earliest' | 'cursor'): void {
    this.#random.pick(this.clients.all).reload(how)
  }

  /** Stops the faults, compares what all clients have got with the stream, and stops everything in order. */
  async finish(): Promise<void> {
    this.cuts.stop()
    const { cluster, violations } = this
    await Promise.all(cluster.nodes.map((node) => node.ask({ ask: 'end' })))
    const stream = await this.#readStream(cluster.nodes[0] as SoakNode)
    this.#stored = stream.size
    stream.checkStored(this.#confirmed, violations)
    await this.clients.check(stream)
    this.clients.close()
    for (const node of [...cluster.nodes]) {
      const code = await cluster.end(node, 'SIGTERM')
      if (code !== 0) violations.add('stop', `${node} ended with exit code ${code}`)
    }
    await this.stop()
    for (const line of cluster.errors(this.#outages)) violations.add('error in the log of a node', line)
  }

  /** Reads the stream at a node, which may get the newest messages a moment after the nodes that have published them. */
  async #readStream(node: SoakNode): Promise<KeptStream> {
    const end = Date.now() + READ_WAIT_MS
    for (;;) {
      const stream = await KeptStream.read(node, this.#record.numbers)
      if (stream.missing(this.#confirmed).length === 0 || Date.now() > end) return stream
    }
  }

  /** Ends everything that still runs. Idempotent. */
  async stop(): Promise<void> {
    this.cuts.stop()
    this.clients.close()
    await this.cluster.stop()
  }

  /** 99 of 100 subscriptions must get what they have missed in time. Not on a busy machine. */
  checkReplayTimes(): void {
    const slow = percentile(this.#replayTimes, 0.99)
    if (slow <= MAX_REPLAY_MS) return
    this.violations.add('slow replays', `99 of 100 took up to ${Math.round(slow)} ms`)
  }

  /** Reconnects since a time (`Date.now()`), counted by parts of equal width in milliseconds. */
  reconnectsSince(start: number, width: number): number[] {
    const times = this.#record.reconnects.map((time) => time - start).filter((time) => time >= 0)
    return countByPart(times, width)
  }

  /** What has happened, one fact a line. */
  get summary(): readonly string[] {
    const { delivered, reconnects, replays, lateRenewals } = this.#record
    const replayTimes = this.#replayTimes
    const ms = (share: number) => `${Math.round(percentile(replayTimes, share))} ms`
    // As long as it is busy, replays also wait for it.
    const busy = performance.eventLoopUtilization(this.#loadAtStart).utilization
    const counts = [...this.violations.counts].map(([name, count]) => `${count} ${name}`).join(', ')
    return [
      `stream     ${this.#stored} messages stored, ${this.#confirmed.size} confirmed to their publishers`,
      `delivered  ${delivered} messages to subscriptions of ${this.clients.all.length} clients`,
      `cuts       ${this.cuts.count}; ${reconnects.length} reconnects with a new session; ${lateRenewals} late renewals of tokens`,
      `replays    ${replays.length}; from connected to recovered, while NATS was there: p50 ${ms(0.5)}, p99 ${ms(0.99)}, max ${ms(1)}`,
      `clients    their process was busy for ${Math.round(100 * busy)} % of the time`,
      `violations ${counts || 'none'}`,
    ]
  }

  /** Milliseconds of the replays while all nodes were connected to NATS: others may wait for it. */
  get #replayTimes(): number[] {
    return this.#record.replays
      .filter(({ from, to }) => !this.#outages.touch(from, to))
      .map(({ from, to }) => to - from)
  }

  async #kill(node: SoakNode): Promise<void> {
    await this.cluster.end(node, 'SIGKILL')
    await this.#addNode()
  }

  async #addNode(): Promise<void> {
    const node = await this.cluster.addNode()
    await this.cluster.begin([node])
  }

  async #loseNats(fault: 'nats' | 'link'): Promise<void> {
    const over = this.#outages.open()
    const { cluster } = this
    const { below, pick } = this.#random
    if (fault === 'nats')
      await cluster.restartNats(pick(['kill', 'stop'] as const), 300 + below(NATS_AWAY_MS))
    else await cluster.cutOff(pick(cluster.nodes), pick(CUT_OFF_MS))
    await this.#untilConnected()
    over()
  }

  async #untilConnected(): Promise<void> {
    const problems = await untilNone(
      async () => (await this.cluster.look()).filter(({ connected }) => !connected).map(({ node }) => node),
      CONNECT_MS,
    )
    for (const node of problems) this.violations.add('nodes', `${node} is not connected to NATS`)
  }

  /** Waits for a random time, so that the faults meet the clients in all states. */
  async pause(limit: number): Promise<void> {
    await delay(1 + this.#random.below(limit))
  }
}
