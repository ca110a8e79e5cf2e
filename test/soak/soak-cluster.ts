import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Program, writeProgram } from '../support/cluster-process.ts'
import { freePort, type NatsServer, startNats } from '../support/nats.ts'
import { BalancerProcess } from './balancer-process.ts'
import type { NodeView } from './messages.ts'
import { NatsLink } from './nats-link.ts'
import { natsSubscriptions } from './nats-monitor.ts'
import { type NodeEvents, SoakNode } from './soak-node.ts'
import { untilNone } from './until.ts'
import type { Windows } from './windows.ts'

/** Milliseconds within which all nodes must know each other: a killed node has left after 8 s. */
const AGREE_MS = 60_000

/** Milliseconds after the start of NATS in which JetStream may not answer yet. */
const JETSTREAM_MS = 5_000
/** Milliseconds between a node and NATS: a node that is near can be faster than a node that is far. */
const DELAYS_MS = [0, 2, 20]
/** Characters of a log entry that are printed. */
const MAX_LINE = 500

interface ClusterOptions {
  /** Of the choices of the balancer. */
  readonly seed: number
  readonly events: NodeEvents
  /** To whom the nodes send messages. */
  readonly users?: readonly string[]
  /** Path of the program of the nodes from the root. @default 'test/soak/node.ts' */
  readonly program?: string
  /** More environment variables of the nodes. */
  readonly env?: NodeJS.ProcessEnv
  /** @default 3 */
  readonly count?: number
}

/** A NATS server with JetStream, nodes in separate processes, and a balancer without sticky sessions. */
export class SoakCluster {
  readonly balancer: BalancerProcess
  /** Nodes that run and have not been asked to stop. */
  readonly nodes: SoakNode[] = []
  readonly #all: SoakNode[] = []
  readonly #links: NatsLink[] = []
  #started = 0
  readonly #linkOf = new Map<SoakNode, NatsLink>()
  readonly #program: Program
  readonly #nats: NatsServer
  readonly #directory: string
  readonly #monitorPort: number
  readonly #events: NodeEvents
  readonly #users: readonly string[]
  readonly #env: NodeJS.ProcessEnv

  private constructor(
    balancer: BalancerProcess,
    program: Program,
    nats: NatsServer,
    directory: string,
    monitorPort: number,
    { events, users = [], env = {} }: ClusterOptions,
  ) {
    this.balancer = balancer
    this.#program = program
    this.#nats = nats
    this.#directory = directory
    this.#monitorPort = monitorPort
    this.#events = events
    this.#users = users
    this.#env = env
  }

  /** Starts everything. The caller stops it. */
  static async start(options: ClusterOptions): Promise<SoakCluster> {
    const { seed, program: source = 'test/soak/node.ts', count = 3 } = options
    const directory = mkdtempSync(join(tmpdir(), 'rookery-soak-'))
    const monitorPort = await freePort()
    const nats = await startNats('-js', '-sd', directory, '-m', String(monitorPort))
    const program = await writeProgram(source)
    const balancer = await BalancerProcess.start(seed)
    const cluster = new SoakCluster(balancer, program, nats, directory, monitorPort, options)
    try {
      await Promise.all(Array.from({ length: count }, () => cluster.addNode()))
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  get url(): string {
    return this.balancer.url
  }

  async addNode(): Promise<SoakNode> {
    const ms = DELAYS_MS[this.#started++ % DELAYS_MS.length] as number
    const link = await NatsLink.open(this.#nats.port, ms)
    this.#links.push(link)
    const node = await SoakNode.start(this.#program, [link.url], this.#events, this.#env)
    this.#linkOf.set(node, link)
    this.nodes.push(node)
    this.#all.push(node)
    this.balancer.add(node)
    return node
  }

  /** The nodes begin to publish. */
  async begin(nodes: readonly SoakNode[] = this.nodes): Promise<void> {
    await Promise.all(nodes.map((node) => node.ask({ ask: 'begin', users: this.#users })))
  }

  /** Ends a node. The balancer is not told. Resolves with the exit code. */
  async end(node: SoakNode, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    this.nodes.splice(this.nodes.indexOf(node), 1)
    const code = await node.end(signal)
    this.balancer.remove(node)
    await this.#linkOf.get(node)?.close()
    return code
  }

  /** Ends the NATS server, like a crash or in order, and starts it again after `ms` milliseconds. */
  async restartNats(how: 'kill' | 'stop', ms: number): Promise<void> {
    await this.#nats[how]()
    await delay(ms)
    await this.#nats.restart()
  }

  /** Cuts a node off from NATS for `ms` milliseconds. */
  async cutOff(node: SoakNode, ms: number): Promise<void> {
    this.#linkOf.get(node)?.cut()
    await delay(ms)
    this.#linkOf.get(node)?.heal()
  }

  async look(): Promise<NodeView[]> {
    return await Promise.all(this.nodes.map((node) => node.look()))
  }

  /** Waits until all nodes are connected and know each other. Returns what is wrong after 30 s. */
  async untilAgreed(): Promise<readonly string[]> {
    return await untilNone(async () => {
      const ids = this.nodes.map(({ id }) => id).sort()
      return (await this.look()).flatMap(({ node, nodes, connected }) => {
        if (!connected) return [`${node} is not connected to NATS`]
        return [...nodes].sort().join() === ids.join()
          ? []
          : [`${node} sees the nodes ${nodes} instead of ${ids}`]
      })
    }, AGREE_MS)
  }

  /** Subscriptions on NATS, with ids replaced. */
  async natsSubscriptions(): Promise<readonly string[]> {
    return await natsSubscriptions(
      this.#monitorPort,
      this.nodes.map(({ id }) => id),
    )
  }

  /** Nodes that have ended without being asked to. */
  get crashed(): readonly SoakNode[] {
    return this.nodes.filter(({ process }) => !process.running)
  }

  /** Log entries of all nodes at level error, without those of times in which NATS was away. */
  errors(outages: Windows): readonly string[] {
    return this.#all.flatMap(({ id, process }) =>
      process
        .entries()
        .filter(({ at }) => !outages.touch(at - JETSTREAM_MS, at))
        .map((line) => `${id}: ${JSON.stringify(line).slice(0, MAX_LINE)}`),
    )
  }

  /** Ends all that still runs. Idempotent. */
  async stop(): Promise<void> {
    await this.balancer.close()
    await Promise.all(this.nodes.splice(0).map((node) => node.end('SIGKILL')))
    await Promise.all(this.#links.map((link) => link.close()))
    await this.#nats.stop()
    this.#program.remove()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
