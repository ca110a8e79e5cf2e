import type { Answers, Target } from './cluster.ts'
import { RookeryError, type WireError } from './errors.ts'
import { Frame } from './frame.ts'
import type { NodeRegistry } from './nodes.ts'
import { addressOf, type SessionRegistry, targetOf } from './sessions.ts'
import { assertTopic } from './topic.ts'

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

  /** @throws `not_connected`, `invalid_topic`, `unserializable`, `cluster_unavailable` */
  async send(target: Target, topic: string, payload: unknown): Promise<number> {
    const count = await this.#everywhere(target, 'send', { topic, payload }, () =>
      this.#sendHere(target, { topic, payload }),
    )
    if (count > 0) return count
    throw new RookeryError('not_connected', `Nobody is connected as ${JSON.stringify(target)}`)
  }

  disconnect(target: Target, error: RookeryError): Promise<number> {
    const here = () => this.#sessions.disconnectHere(target, error)
    return this.#everywhere(target, 'disconnect', error.toJSON(), here)
  }

  async #everywhere(target: Target, method: string, payload: unknown, here: () => number): Promise<number> {
    const count = here()
    // A session is on one node only.
    if (count > 0 && 'session' in target) return count
    try {
      return count + total(await this.#nodes.ask({ to: addressOf(target), method, payload }))
    } catch (error) {
      // Whoever is here has been reached; that others may not have been is the cluster's state, which shows.
      if (count === 0) throw error
      return count
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
