import { definePlugin, type Plugin } from '../../../core/app/plugin.ts'
import { Cluster } from '../../../core/cluster/cluster.ts'
import { Logger } from '../../../core/util/logger.ts'
import { MemoryNode, type Reachable } from './memory-node.ts'

/**
 * A cluster of apps in one process, without a server. It is for tests: messages cross as JSON, as on a network.
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

  /** Creates the cluster plugin of another node. */
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

  /** Cuts the node with this id off from the others. */
  cut(node: string): void {
    this.#nodes.get(node)?.disconnect()
  }

  /** Reconnects the node with this id. */
  heal(node: string): void {
    this.#nodes.get(node)?.connect()
  }
}
