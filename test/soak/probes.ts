import type { Random } from '../../plugins/testing/random.ts'
import type { Listening } from './listening.ts'
import type { Numbered } from './messages.ts'
import type { Population } from './population.ts'
import type { SoakClient } from './soak-client.ts'
import type { SoakCluster } from './soak-cluster.ts'

interface Probe {
  readonly client: SoakClient
  readonly topic: string
  readonly listening: Listening
  /** Messages that were published as soon as the subscription was active. */
  readonly messages: Numbered[]
}

/** Subscriptions to topics of their own. Another node publishes as soon as the server has confirmed the subscription. */
export class Probes {
  readonly #random: Random
  readonly #cluster: SoakCluster
  readonly #population: Population
  readonly #probes: Probe[] = []
  #count = 0

  constructor(random: Random, cluster: SoakCluster, population: Population) {
    this.#random = random
    this.#cluster = cluster
    this.#population = population
  }

  add(): void {
    const client = this.#population.pick()
    if (client.ended !== undefined) return
    const topic = `probe/${++this.#count}`
    client.subscribe(topic)
    const listening = client.topics.get(topic) as Listening
    const probe: Probe = { client, topic, listening, messages: [] }
    this.#probes.push(probe)
    listening.onActive(() => {
      const node = this.#random.pick(this.#cluster.nodes)
      node.ask({ ask: 'publish', topic }).then(
        (message) => probe.messages.push(message as Numbered),
        // The node has ended.
        () => {},
      )
    })
  }

  /** Messages that have not arrived and should have. */
  missing(): string[] {
    return this.#probes
      .filter(({ client }) => this.#population.clients.includes(client))
      .flatMap(({ topic, listening, messages }) =>
        messages
          .filter(({ node, n, at }) => listening.misses(topic, node, n, at))
          .map(({ node }) => `${listening} has not got the message that ${node} published then`),
      )
  }

  /** Ends all probes. */
  clear(): void {
    for (const { client, topic } of this.#probes.splice(0)) {
      if (client.topics.has(topic)) client.cancel(topic)
    }
  }
}
