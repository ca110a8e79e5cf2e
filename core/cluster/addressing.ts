import { RookeryError, type WireError } from '../protocol/errors.ts'
import { Frame } from '../protocol/frame.ts'
import { addressOf, type SessionRegistry, targetOf } from '../sessions/session-registry.ts'
import { assertTopic } from '../topics/topic.ts'
import type { Answers, Target } from './cluster.ts'
import type { NodeRegistry } from './nodes.ts'

interface Message {
  readonly topic: string
  readonly payload?: unknown
}

/** Reaches the sessions of a user, a room or an id, whichever nodes they are on. */
export class Addressing {
  readonly #sessions: SessionRegistry
  readonly #nodes: NodeRegistry

  constructor(sessions: SessionRegistry, nodes: NodeRegistry) {
    this.#sessions = sessions
    this.#nodes = nodes
    nodes.answer('send', (message, _from, to) => this.#sendHere(targetOf(to), message as Message))
    nodes.answer('disconnect', (error, _from, to) =>
      sessions.disconnectHere(targetOf(to), RookeryError.from(error as WireError)),
    )
  }

  /** @throws `not_connected`, `node_unreachable`, `invalid_topic`, `unserializable`, `cluster_unavailable` */
  async send(target: Target, topic: string, payload: unknown): Promise<number> {
    const here = () => this.#sendHere(target, { topic, payload })
    const { count, missing } = await this.#everywhere(target, 'send', { topic, payload }, here)
    if (count > 0) return count
    const whom = JSON.stringify(target)
    if (missing.length > 0) {
      const nodes = missing.join(', ')
      throw new RookeryError('node_unreachable', `Whether ${whom} got it is unknown: ${nodes} did not answer`)
    }
    throw new RookeryError('not_connected', `Nobody is connected as ${whom}`)
  }

  async disconnect(target: Target, error: RookeryError): Promise<number> {
    const here = () => this.#sessions.disconnectHere(target, error)
    const { count } = await this.#everywhere(target, 'disconnect', error.toJSON(), here)
    return count
  }

  async #everywhere(
    target: Target,
    method: string,
    payload: unknown,
    here: () => number,
  ): Promise<{ readonly count: number; readonly missing: readonly string[] }> {
    const count = here()
    // A session is on one node only.
    if (count > 0 && 'session' in target) return { count, missing: [] }
    try {
      const answers = await this.#nodes.ask({ to: addressOf(target), method, payload })
      return { count: count + total(answers), missing: answers.missing }
    } catch (error) {
      // Whoever is here has been reached; that others may not have been is the cluster's state, which shows.
      if (count === 0) throw error
      return { count, missing: [] }
    }
  }

  #sendHere(target: Target, { topic, payload }: Message): number {
    assertTopic(topic)
    const frame = new Frame({ topic, payload })
    void frame.text
    const sessions = this.#sessions.find(target)
    for (const session of sessions) session.push(frame)
    return sessions.length
  }
}

const total = ({ items }: Answers): number =>
  items.reduce((sum, { value }) => sum + (typeof value === 'number' ? value : 0), 0)
