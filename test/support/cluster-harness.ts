import { onTestFailed, onTestFinished, vi } from 'vitest'
import { createRandom, type Random } from '../../plugins/testing/random.ts'
import { Balancer } from './cluster-balancer.ts'
import { type NodeOptions, NodeProcess, type Program, writeProgram } from './cluster-process.ts'
import { type NatsServer, startNats } from './nats.ts'

export interface ClusterOptions {
  /** How many nodes. @default 3 */
  readonly count?: number
  /** How to start each of them. @default all at one NATS server of the cluster's own */
  readonly node?: (index: number) => NodeOptions
}

/** NATS, nodes as processes of their own, and a balancer in front of them. */
export class Cluster {
  readonly name: string
  readonly random: Random
  readonly balancer: Balancer
  /** Those that have been started and not killed, frozen ones included. */
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
   * Starts all of it; it is the caller's to stop.
   *
   * @param name appears in the output, with the seed and the figures
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
      // In the order of the options that they were given.
      const nodes = await Promise.all(Array.from({ length: count }, () => cluster.#launch()))
      for (const started of nodes) cluster.#admit(started)
      await cluster.agrees()
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /** Where the balancer listens. */
  get url(): string {
    return this.balancer.url
  }

  /** The cluster's own NATS server. */
  get nats(): NatsServer {
    if (!this.#nats) throw new Error('This cluster has been given servers of the test')
    return this.#nats
  }

  /** Starts one more node. */
  async addNode(): Promise<NodeProcess> {
    const node = await this.#launch()
    this.#admit(node)
    return node
  }

  /** Ends a node; the balancer finds out by itself. Resolves with its exit code. */
  async kill(node: NodeProcess, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<number | null> {
    this.nodes.splice(this.nodes.indexOf(node), 1)
    return await node.signal(signal)
  }

  /** Nodes other than one. */
  others(node: NodeProcess): NodeProcess[] {
    return this.nodes.filter((other) => other !== node)
  }

  /** Resolves when every node has all others in its cluster, as its log says. */
  async agrees(timeout = 10_000): Promise<void> {
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

  /** Tells a figure. */
  report(figure: string): void {
    console.log(`${this.name}: ${figure}`)
  }

  /** Resolves with the milliseconds from a moment until a condition holds, and tells them. */
  async timed(what: string, since: number, timeout: number, condition: () => unknown): Promise<number> {
    await vi.waitFor(condition, { timeout: Math.max(1, since + timeout - Date.now()), interval: 10 })
    const took = Date.now() - since
    this.report(`${what}: ${took} ms`)
    return took
  }

  #launch(): Promise<NodeProcess> {
    return NodeProcess.start(this.#program, this.#options(this.#started++))
  }

  #admit(node: NodeProcess): void {
    this.nodes.push(node)
    this.#all.push(node)
    this.balancer.add(node)
  }

  /** Tells what the nodes have logged last. */
  tellLogs(): void {
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

/** A cluster that is stopped with the test. */
export const useCluster = async (name: string, options?: ClusterOptions): Promise<Cluster> => {
  const cluster = await Cluster.start(name, options)
  onTestFinished(() => cluster.stop())
  onTestFailed(() => cluster.tellLogs())
  return cluster
}
