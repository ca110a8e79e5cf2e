import { vi } from 'vitest'
import { within } from '../../../core/util/promises.ts'
import { createRandom, type Random } from '../random.ts'
import { excerpt, violation } from '../violation.ts'
import { ClusterNode } from './cluster-node.ts'
import {
  type ClusterCapability,
  type ClusterEnvironment,
  type ClusterSettings,
  checkEnvironment,
} from './cluster-options.ts'
import { KIT_TOPIC_PREFIX } from './cluster-peer.ts'

/** One promise of the contract, and how to find out whether it is kept. */
export interface ClusterCase {
  /** Reads as a promise. */
  readonly name: string
  /** What the environment must be able to do for the promise to be tried. */
  readonly capability?: ClusterCapability
  run(context: ClusterCaseContext): Promise<void>
}

/** Milliseconds that a backend may take to hold a node for gone, beside the timeout. */
export const ABSENCE_DETECTION_MS = 10_000

/** What a case has to work with: the nodes of one cluster. */
export class ClusterCaseContext {
  readonly random: Random
  /** Milliseconds that anything promised may take to come true. */
  readonly timeout: number
  readonly #environment: ClusterEnvironment
  readonly #nodes: ClusterNode[] = []
  #settled = 0

  constructor(environment: ClusterEnvironment, settings: ClusterSettings, purpose: string) {
    this.#environment = environment
    this.timeout = settings.timeout
    this.random = createRandom(settings.seed, purpose)
  }

  /** Makes a node that has not started. */
  createNode(): ClusterNode {
    const node = new ClusterNode(this.#environment.plugin(), this.timeout)
    this.#nodes.push(node)
    return node
  }

  /** Starts one more node. */
  async startNode(): Promise<ClusterNode> {
    const node = this.createNode()
    await this.within(node.app.start(), 'ClusterBackend.start resolves when the other nodes are known')
    return node
  }

  /** Starts two nodes, which know each other. */
  async startPair(): Promise<[ClusterNode, ClusterNode]> {
    const nodes: [ClusterNode, ClusterNode] = [await this.startNode(), await this.startNode()]
    await this.untilMembers(...nodes)
    return nodes
  }

  /** Starts three nodes, which know each other. */
  async startTrio(): Promise<[ClusterNode, ClusterNode, ClusterNode]> {
    const nodes: [ClusterNode, ClusterNode, ClusterNode] = [
      await this.startNode(),
      await this.startNode(),
      await this.startNode(),
    ]
    await this.untilMembers(...nodes)
    return nodes
  }

  /** Resolves when these are the nodes of the cluster, and each knows it. */
  async untilMembers(...nodes: readonly ClusterNode[]): Promise<void> {
    await this.#untilMembers(nodes, this.timeout)
  }

  /** The same, where some have gone without a word, so that it takes time to notice. */
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
          'Each node MUST know those that are there',
          `${excerpt(ids)} are, and ${id} knows ${excerpt(known)}`,
        )
      }
    }
    await this.until(check, limit)
  }

  /**
   * Resolves when what nodes have said they want, or no longer want, is known to all of them, and what they sent
   * before has arrived: takes it that a backend tells of interest, and passes on messages, in the order of the calls.
   */
  async settle(...nodes: readonly ClusterNode[]): Promise<void> {
    const topic = `${KIT_TOPIC_PREFIX}${++this.#settled}`
    const taps = await Promise.all(
      nodes.map(async (node) => {
        const heard = new Set<unknown>()
        const listen = ({ payload }: { readonly payload: unknown }) => void heard.add(payload)
        const subscription = node.app.bus.subscribe(topic, listen, { scope: 'all' })
        return { node, peer: await node.open(topic), heard, subscription }
      }),
    )
    await this.until(() => {
      for (const { app, id } of nodes) void app.publish(topic, id)
      for (const { node, peer, heard } of taps) {
        const got = new Set(peer.frames.map((frame) => (frame.type === undefined ? frame.payload : '')))
        for (const { id } of nodes) {
          const lacking = got.has(id) ? (heard.has(id) ? undefined : 'listeners') : 'sessions'
          if (lacking)
            throw violation(
              'What is published MUST reach all nodes',
              `${lacking} of ${node.id} got nothing of ${id}`,
            )
        }
      }
    })
    for (const { peer, subscription } of taps) {
      peer.session.disconnected()
      subscription.cancel()
    }
  }

  /** Cuts a node off, or lets it back. */
  async cut(node: ClusterNode): Promise<void> {
    await this.#environment.cut?.(node.app)
  }

  async heal(node: ClusterNode): Promise<void> {
    await this.#environment.heal?.(node.app)
  }

  readonly until = <T>(check: () => T, limit: number = this.timeout): Promise<T> =>
    vi.waitFor(check, { timeout: limit, interval: 5 })

  /** Waits for what must not hang. */
  async within<T>(promise: Promise<T>, requirement: string, limit: number = this.timeout): Promise<T> {
    return await within(limit, promise, () => violation(requirement, `nothing came of it within ${limit} ms`))
  }

  check(): void {
    const errors = this.#nodes.flatMap((node) => node.errors)
    if (errors.length > 0) throw violation('An app has nothing to complain of', errors.join('; '))
  }

  async end(): Promise<void> {
    await Promise.all(this.#nodes.map(({ app }) => app.stop()))
  }
}

/** Runs one case and clears up after it. @throws when the promise is not kept */
export const runClusterCase = async (
  { name, run }: ClusterCase,
  settings: ClusterSettings,
): Promise<void> => {
  const environment = checkEnvironment(await settings.start(), settings)
  const context = new ClusterCaseContext(environment, settings, name)
  try {
    await run(context)
  } finally {
    try {
      await context.end()
    } finally {
      await environment.stop?.()
    }
  }
  context.check()
}
