import { onTestFailed, onTestFinished, vi } from 'vitest'
import { createRandom, type Random } from '../../plugins/testing/random.ts'
import { Balancer } from './cluster-balancer.ts'
import { STEP_LIMIT_MS } from './cluster-clients.ts'
import { type NodeOptions, NodeProcess, type Program, writeProgram } from './cluster-process.ts'
import { type NatsServer, startNats } from './nats.ts'
import { slowdown } from './slowdown.ts'

export interface ClusterOptions {
  /** Number of nodes. @default 3 */
  readonly count?: number
  /** Options of each node. @default all nodes use one NATS server, which the cluster starts */
  readonly node?: (index: number) => NodeOptions
}

/** A NATS server, nodes in separate processes, and a load balancer in front of them. */
export class Cluster {
  readonly name: string
  readonly random: Random
  readonly balancer: Balancer
  /** Nodes that were started and not killed, frozen ones included. */
  readonly nodes: NodeProcess[] = []
  readonly #options: (index: number) => NodeOptions
  readonly #program: Program
  readonly #nats: NatsServer | undefined
  readonly #all: NodeProcess[] = []
  #started = 0

  private constructor(
    name: string,
    random: Random,
    balancer: Balancer,
    options: (index: number) => NodeOptions,
    program: Program,
    nats: NatsServer | undefined,
  ) {
    this.name = name
    this.random = random
    this.balancer = balancer
    this.#options = options
    this.#program = program
    this.#nats = nats
  }

  /**
   * Starts everything. The caller stops it.
   *
   * @param name is printed with the seed and the figures
   */
  static async start(name: string, { count = 3, node }: ClusterOptions = {}): Promise<Cluster> {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
    console.log(`${name}: SEED=${seed}`)
    const random = createRandom(seed, name)
    const nats = node ? undefined : await startNats()
    const balancer = await Balancer.listen(random)
    const options = node ?? (() => ({ servers: [nats!.url] }))
    const cluster = new Cluster(name, random, balancer, options, await writeProgram(), nats)
    try {
      // In the order of the options.
      const nodes = await Promise.all(Array.from({ length: count }, () => cluster.#launch()))
      for (const started of nodes) cluster.#add(started)
      await cluster.untilNodesAgree()
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /** The address of the balancer. */
  get url(): string {
    return this.balancer.url
  }

  /** The NATS server that the cluster has started. */
  get nats(): NatsServer {
    if (!this.#nats) throw new Error('The test has passed its own NATS servers to this cluster')
    return this.#nats
  }

  /** Starts another node. */
  async addNode(): Promise<NodeProcess> {
    const node = await this.#launch()
    this.#add(node)
    return node
  }

  /** Ends a node. The balancer is not told. Resolves with the exit code. */
  async kill(node: NodeProcess, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<number | null> {
    this.nodes.splice(this.nodes.indexOf(node), 1)
    return await node.signal(signal)
  }

  /** All nodes but the given one. */
  others(node: NodeProcess): NodeProcess[] {
    return this.nodes.filter((other) => other !== node)
  }

  /** Resolves when the log of every node says that it knows all others. */
  async untilNodesAgree(timeout = STEP_LIMIT_MS): Promise<void> {
    await vi.waitFor(
      () => {
        const ids = this.nodes.map(({ id }) => id).sort()
        for (const node of this.nodes) {
          const seen = node.log.findLast(({ msg }) => msg === 'the cluster has changed')?.nodes ?? [node.id]
          if (String(seen) !== String(ids)) throw new Error(`${node.id} sees ${String(seen)} of ${ids}`)
        }
      },
      { timeout, interval: 10 },
    )
  }

  /** Prints a figure. */
  report(figure: string): void {
    console.log(`${this.name}: ${figure}`)
  }

  /**
   * Resolves with the milliseconds from a moment until a condition holds. Prints them.
   *
   * @param limit milliseconds that this may take on an idle machine
   */
  async timed(what: string, since: number, limit: number, condition: () => unknown): Promise<number> {
    await vi.waitFor(condition, { timeout: STEP_LIMIT_MS, interval: 10 })
    const took = Date.now() - since
    this.report(`${what}: ${took} ms`)
    const allowed = limit * slowdown()
    if (took > allowed) throw new Error(`${what}: took ${took} ms, the limit is ${Math.round(allowed)} ms`)
    return took
  }

  #launch(): Promise<NodeProcess> {
    return NodeProcess.start(this.#program, this.#options(this.#started++))
  }

  #add(node: NodeProcess): void {
    this.nodes.push(node)
    this.#all.push(node)
    this.balancer.add(node)
  }

  /** Prints the last log entries of the nodes. */
  printLogs(): void {
    for (const { id, log } of this.#all) {
      this.report(
        `log of ${id}\n${log
          .slice(-20)
          .map((line) => JSON.stringify(line))
          .join('\n')}`,
      )
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.splice(0).map((node) => node.signal('SIGKILL')))
    await this.balancer.close()
    await this.#nats?.stop()
    this.#program.remove()
  }
}

/** Starts a cluster. Stops it at the end of the test. */
export const useCluster = async (name: string, options?: ClusterOptions): Promise<Cluster> => {
  const cluster = await Cluster.start(name, options)
  onTestFinished(() => cluster.stop())
  onTestFailed(() => cluster.printLogs())
  return cluster
}
