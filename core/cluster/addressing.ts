import { codedError } from '../protocol/coded-error.ts'
import { RookeryError, type WireError } from '../protocol/errors.ts'
import { Frame } from '../protocol/frame.ts'
import { assertTopic } from '../topics/topic.ts'
import { shortIds } from '../util/short-ids.ts'
import type { Answers } from './cluster.ts'
import type { NodeRegistry } from './nodes.ts'
import { addressOf, nodeOfSession, type Target, targetOf } from './target.ts'

/** The sessions of this node, as addressing sees them. */
export interface LocalSessions {
  /** Returns this node's sessions of a target. */
  find(target: Target): readonly { push(frame: Frame): void }[]
  /** Closes this node's sessions of a target. Returns their number. */
  disconnectHere(target: Target, error: RookeryError): number
}

interface Message {
  readonly topic: string
  readonly payload?: unknown
}

/** What became of a message of `app.send`. */
export interface Sent {
  /** Sessions that took it, on all nodes. */
  readonly sessions: number
  /** Whether the history keeps it: clients of the user that are away get it later. Then `sessions` may be 0. */
  readonly kept: boolean
}

/** Sends to, and closes, the sessions of a user, a room or a session id on every node. */
export class Addressing {
  readonly #sessions: LocalSessions
  readonly #nodes: NodeRegistry
  readonly #inOrder: (act: () => void) => void

  /** @param inOrder calls `act` now, or after the deliveries under way */
  constructor(sessions: LocalSessions, nodes: NodeRegistry, inOrder: (act: () => void) => void) {
    this.#inOrder = inOrder
    this.#sessions = sessions
    this.#nodes = nodes
    nodes.answer('send', (message, _from, to) => this.#sendHere(targetOf(to), message as Message))
    nodes.answer('count', (_nothing, _from, to) => sessions.find(targetOf(to)).length)
    nodes.answer('disconnect', (error, _from, to) =>
      sessions.disconnectHere(targetOf(to), RookeryError.from(error as WireError)),
    )
  }

  /**
   * Sends a message. Resolves with the number of sessions that took it.
   *
   * @throws `not_connected`, `node_unreachable`, `invalid_topic`, `unserializable`, `cluster_unavailable`
   */
  async send(target: Target, topic: string, payload: unknown): Promise<number> {
    const here = () => this.#sendHere(target, { topic, payload })
    const { count, missing } = await this.#everywhere(target, 'send', { topic, payload }, here)
    if (count > 0) return count
    const whom = shortIds(JSON.stringify(target))
    if (missing.length > 0) {
      const nodes = missing.join(', ')
      throw new RookeryError('node_unreachable', `Whether ${whom} got it is unknown: ${nodes} did not answer`)
    }
    throw new RookeryError('not_connected', `No session is connected for ${whom}`)
  }

  /** Resolves with the number of sessions on the nodes that answer. */
  async count(target: Target): Promise<number> {
    const here = this.#sessions.find(target).length
    const answers = await this.#nodes.ask({ to: addressOf(target), method: 'count' }).catch(() => undefined)
    return here + (answers ? total(answers) : 0)
  }

  /** Closes sessions. Resolves with their number. @throws `cluster_unavailable` */
  async disconnect(target: Target, error: RookeryError): Promise<number> {
    const here = () => this.#sessions.disconnectHere(target, error)
    const { reconnectAfter } = error
    const payload = {
      ...(codedError(error) ?? error).toJSON(),
      ...(reconnectAfter !== undefined && { reconnectAfter }),
    }
    const { count } = await this.#everywhere(target, 'disconnect', payload, here)
    return count
  }

  async #everywhere(
    target: Target,
    method: string,
    payload: unknown,
    here: () => number,
  ): Promise<{ readonly count: number; readonly missing: readonly string[] }> {
    const count = here()
    if ('session' in target) {
      const node = nodeOfSession(target.session)
      if (node === undefined || node === this.#nodes.node) return { count, missing: [] }
    }
    try {
      const answers = await this.#nodes.ask({ to: addressOf(target), method, payload })
      return { count: count + total(answers), missing: answers.missing }
    } catch (error) {
      // The sessions of this node have been reached. `cluster.connected` shows that the other nodes may not have been.
      if (count === 0) throw error
      return { count, missing: [] }
    }
  }

  #sendHere(target: Target, { topic, payload }: Message): number {
    assertTopic(topic)
    const frame = new Frame({ topic, payload })
    void frame.text
    const sessions = this.#sessions.find(target)
    this.#inOrder(() => {
      for (const session of sessions) session.push(frame)
    })
    return sessions.length
  }
}

const total = ({ items }: Answers): number =>
  items.reduce((sum, { value }) => sum + (typeof value === 'number' ? value : 0), 0)
