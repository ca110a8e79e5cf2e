import { definePlugin, type Plugin } from '../../../core/app/plugin.ts'
import { Cluster } from '../../../core/cluster/cluster.ts'
import { Logger } from '../../../core/util/logger.ts'
import { MemoryNode, type Reachable } from './memory-node.ts'

/**
 * Apps of one process that act as nodes of one cluster, without a server: for tests.
 *
 * @example
 * const cluster = new MemoryCluster()
 * const a = await createApp({ plugins: [cluster.plugin()] }).start()
 * const b = await createApp({ plugins: [cluster.plugin()] }).start()
 * cluster.cut(b.cluster.node)
 */
export class MemoryCluster {
  readonly #reachable: Reachable = new Set()
  readonly #nodes = new Map<string, MemoryNode>()

  /** The cluster plugin of one more node. */
  plugin(): Plugin {
    return definePlugin({
      name: 'memory-cluster',
      setup: (scope) =>
        scope.provide(Cluster, () => {
          const node = new MemoryNode(this.#reachable, scope.get(Logger))
          this.#nodes.set(node.node, node)
          return node
        }),
    })
  }

  /** Cuts a node off from the others, by its id. */
  cut(node: string): void {
    this.#nodes.get(node)?.disconnect()
  }

  /** Lets it back. */
  heal(node: string): void {
    this.#nodes.get(node)?.connect()
  }
}
