import { vi } from 'vitest'
import { within } from '../../../core/util/promises.ts'
import { createRandom, type Random } from '../random.ts'
import { runAndStop } from '../run-and-stop.ts'
import { excerpt, violation } from '../violation.ts'
import { ClusterNode } from './cluster-node.ts'
import {
  type ClusterCapability,
  type ClusterEnvironment,
  type ClusterSettings,
  checkEnvironment,
} from './cluster-options.ts'
import { KIT_TOPIC_PREFIX } from './cluster-peer.ts'

/** A conformance case: one promise of the contract of a cluster backend, with the test of it. */
export interface ClusterCase {
  /** The promise, as a sentence. It is the title of the test. */
  readonly name: string
  /** The case is skipped in an environment without this capability. */
  readonly capability?: ClusterCapability
  run(context: ClusterCaseContext): Promise<void>
}

/** Milliseconds, beyond the timeout, that a backend may take to notice that a node is gone. */
export const ABSENCE_DETECTION_MS = 10_000

/** Starts the nodes of one case, which form one cluster, and stops them at its end. */
export class ClusterCaseContext {
  readonly random: Random
  /** Milliseconds to wait for any one condition. */
  readonly timeout: number
  readonly #environment: ClusterEnvironment
  readonly #nodes: ClusterNode[] = []
  #settled = 0

  constructor(environment: ClusterEnvironment, settings: ClusterSettings, purpose: string) {
    this.#environment = environment
    this.timeout = settings.timeout
    this.random = createRandom(settings.seed, purpose)
  }

  /** Creates a node without starting it. */
  createNode(): ClusterNode {
    const node = new ClusterNode(this.#environment.plugin(), this.timeout)
    this.#nodes.push(node)
    return node
  }

  /** Starts another node of the cluster. */
  async startNode(): Promise<ClusterNode> {
    const node = this.createNode()
    await this.within(node.app.start(), 'ClusterBackend.start MUST resolve when the other nodes are known')
    return node
  }

  /** Starts two nodes. Resolves when they know each other. */
  async startPair(): Promise<[ClusterNode, ClusterNode]> {
    const nodes: [ClusterNode, ClusterNode] = [await this.startNode(), await this.startNode()]
    await this.untilMembers(...nodes)
    return nodes
  }

  /** Starts three nodes. Resolves when they know each other. */
  async startTrio(): Promise<[ClusterNode, ClusterNode, ClusterNode]> {
    const nodes: [ClusterNode, ClusterNode, ClusterNode] = [
      await this.startNode(),
      await this.startNode(),
      await this.startNode(),
    ]
    await this.untilMembers(...nodes)
    return nodes
  }

  /** Resolves when each of these nodes knows exactly these nodes. */
  async untilMembers(...nodes: readonly ClusterNode[]): Promise<void> {
    await this.#untilMembers(nodes, this.timeout)
  }

  /** Like `untilMembers`, with 10 s more: the backend first has to notice that other nodes are gone. */
  async untilRemaining(...nodes: readonly ClusterNode[]): Promise<void> {
    await this.#untilMembers(nodes, ABSENCE_DETECTION_MS + this.timeout)
  }

  async #untilMembers(nodes: readonly ClusterNode[], limit: number): Promise<void> {
    const ids = nodes.map(({ id }) => id).sort()
    const check = () => {
      for (const { app, id } of nodes) {
        const known = app.cluster.nodes()
        if (JSON.stringify(known) === JSON.stringify(ids)) continue
        throw violation(
          'Each node MUST know the nodes of the cluster',
          `the nodes are ${excerpt(ids)}, and ${id} knows ${excerpt(known)}`,
        )
      }
    }
    await this.until(check, limit)
  }

  /**
   * Resolves when all nodes know the current interest of each node, and all messages sent before have arrived.
   * Assumes that a backend announces interest, and sends messages, in the order of the calls.
   */
  async settle(...nodes: readonly ClusterNode[]): Promise<void> {
    const topic = `${KIT_TOPIC_PREFIX}${++this.#settled}`
    const probes = await Promise.all(
      nodes.map(async (node) => {
        const heard = new Set<unknown>()
        const listen = ({ payload }: { readonly payload: unknown }) => void heard.add(payload)
        const subscription = node.app.bus.subscribe(topic, listen, { source: 'all' })
        return { node, peer: await node.open(topic), heard, subscription }
      }),
    )
    await this.until(() => {
      for (const { app, id } of nodes) void app.publish(topic, id)
      for (const { node, peer, heard } of probes) {
        const received = new Set(peer.frames.map((frame) => (frame.type === undefined ? frame.payload : '')))
        for (const { id } of nodes) {
          const lacking = received.has(id) ? (heard.has(id) ? undefined : 'listeners') : 'sessions'
          if (lacking)
            throw violation(
              'A published message MUST reach all nodes',
              `the ${lacking} of ${node.id} got no message of ${id}`,
            )
        }
      }
    })
    for (const { peer, subscription } of probes) {
      peer.session.disconnected()
      subscription.cancel()
    }
  }

  /** Cuts the connection of a node to all others. */
  async cut(node: ClusterNode): Promise<void> {
    await this.#environment.cut?.(node.app)
  }

  /** Restores the connection of a node. */
  async heal(node: ClusterNode): Promise<void> {
    await this.#environment.heal?.(node.app)
  }

  readonly until = <T>(check: () => T, limit: number = this.timeout): Promise<T> =>
    vi.waitFor(check, { timeout: limit, interval: 5 })

  /** Waits for a promise. Rejects with a violation of the requirement after `limit` milliseconds. */
  async within<T>(promise: Promise<T>, requirement: string, limit: number = this.timeout): Promise<T> {
    return await within(limit, promise, () => violation(requirement, `it did not settle within ${limit} ms`))
  }

  expectNoErrors(): void {
    const errors = this.#nodes.flatMap((node) => node.errors)
    if (errors.length > 0) throw violation('The app MUST log no error of the backend', errors.join('; '))
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(({ app }) => app.stop()))
  }
}

/** Runs one case, then stops its nodes and its environment. @throws if the backend breaks the promise */
export const runClusterCase = async (
  { name, run }: ClusterCase,
  settings: ClusterSettings,
): Promise<void> => {
  const environment = checkEnvironment(await settings.start(), settings)
  const context = new ClusterCaseContext(environment, settings, name)
  await runAndStop(() => run(context), context, environment)
  context.expectNoErrors()
}
