import type { Random } from '../../plugins/testing/random.ts'
import { stolenToken } from './logins.ts'
import type { Ask } from './messages.ts'
import type { Population } from './population.ts'
import type { Revocations } from './revocations.ts'
import type { SoakClient } from './soak-client.ts'
import type { SoakCluster } from './soak-cluster.ts'
import type { SoakNode } from './soak-node.ts'
import type { Windows } from './windows.ts'

type Target = Extract<Ask, { ask: 'revoke' }>['target']

/** Revokes tokens of random clients at random nodes. */
export class Revoker {
  readonly #random: Random
  readonly #cluster: SoakCluster
  readonly #population: Population
  readonly #revocations: Revocations
  readonly #outages: Windows
  readonly #running = new Set<Promise<void>>()
  /** Revocations that perhaps only one node knows. */
  #unsafe: { readonly node: SoakNode; readonly forget: () => void }[] = []

  constructor(
    random: Random,
    cluster: SoakCluster,
    population: Population,
    revocations: Revocations,
    outages: Windows,
  ) {
    this.#random = random
    this.#cluster = cluster
    this.#population = population
    this.#revocations = revocations
    this.#outages = outages
  }

  /** Begins to revoke all tokens of a user, the token of a session, or one token. */
  revoke(): void {
    const client = this.#population.pick()
    const token = client.login.latest
    const { session } = client
    if (client.login.revoked || session === undefined || !token) return
    const node = this.#random.pick(this.#cluster.nodes)
    const { user } = client.login
    const second = Math.floor(Date.now() / 1000)
    const running = this.#random.pick([
      () => {
        const stolen = stolenToken(user)
        const known = () => this.#revocations.user(user, second, stolen)
        return this.#ask(node, { user }, this.#population.of(user), known)
      },
      () => this.#ask(node, { tokenId: token.jti }, [client], () => this.#revocations.token(token.jti)),
      () => this.#ask(node, { session }, [client], () => this.#revocations.session(session)),
    ])()
    const tracked = running.finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
  }

  /** Resolves when all revocations so far have been answered. */
  async finished(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** All nodes agree: each one knows the revocations so far. */
  kept(): void {
    this.#unsafe = []
  }

  /** A node was killed. What it alone knew is forgotten. */
  killed(node: SoakNode): void {
    for (const { forget } of this.#unsafe.filter((one) => one.node === node)) forget()
  }

  async #ask(
    node: SoakNode,
    target: Target,
    clients: readonly SoakClient[],
    known: () => () => void,
  ): Promise<void> {
    const start = Date.now()
    for (const { login } of clients) login.revoke()
    try {
      const missing = (await node.ask({ ask: 'revoke', target })) as readonly string[]
      const forget = known()
      if (missing.length > 0 || this.#outages.touch(start, Date.now())) this.#unsafe.push({ node, forget })
    } catch {
      // The node has ended, so nobody knows whether it has revoked the token.
    }
  }
}
