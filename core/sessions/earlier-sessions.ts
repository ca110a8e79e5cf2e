import type { Nodes } from '../cluster/nodes.ts'
import type { SessionIds } from '../cluster/session-ids.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { User } from '../protocol/protocol.ts'
import { isEqualInConstantTime } from '../util/constant-time.ts'
import { within } from '../util/promises.ts'
import { LiveSession } from './live-session.ts'
import type { SessionRegistry } from './session-registry.ts'
import type { Handshake } from './transport.ts'

/** Name of the question to the node of the earlier session. */
const METHOD = 'session.earlier'

/** How long a node waits for the close hooks of an earlier session, in milliseconds. */
const CLOSE_HOOKS_WAIT_MS = 1_000

/** How long another node may take to answer, in milliseconds. More than it waits for its close hooks. */
const ANSWER_WAIT_MS = 1_500

/** Most characters in a secret, in UTF-16 units. */
const MAX_SECRET_LENGTH = 200

/** What a client says of its earlier session, as nodes send it to each other. */
export interface EarlierSession {
  readonly secret: string
  /** Whether the earlier session stays open, because the client changes its transport. */
  readonly beside: boolean
}

type Question = EarlierSession & { readonly user: string | null }

/**
 * Splits the parameters `previous` and `beside` off a handshake, so that hooks, which may log the query, do not get the
 * secret.
 */
export const splitEarlierSession = (
  handshake: Handshake,
): { readonly handshake: Handshake; readonly earlier: EarlierSession | undefined } => {
  const previous = handshake.query.get('previous')
  const secret = previous ?? handshake.query.get('beside')
  if (secret === null) return { handshake, earlier: undefined }
  const query = new URLSearchParams(handshake.query)
  query.delete('previous')
  query.delete('beside')
  return { handshake: { ...handshake, query }, earlier: { secret, beside: previous === null } }
}

/** The id of the session whose secret it is. */
const sessionOf = (secret: string): string => secret.slice(0, secret.lastIndexOf('.'))

/** Finds the earlier session of a client that connects again, on this node or another, by the secret of its `welcome`. */
export class EarlierSessions {
  readonly #sessions: SessionRegistry
  readonly #nodes: Nodes
  readonly #ids: SessionIds

  constructor(sessions: SessionRegistry, nodes: Nodes, ids: SessionIds) {
    this.#sessions = sessions
    this.#nodes = nodes
    this.#ids = ids
    nodes.answer(METHOD, (payload, from) => (from === null ? null : this.#findHere(payload as Question)))
  }

  /**
   * Finds the earlier session. Closes it with `replaced`, unless it stays open beside the new one, and waits a limited
   * time for its close hooks. Never rejects.
   *
   * @returns the `client` of the session; null if the secret is wrong, or belongs to another user's session
   */
  async find({ secret, beside }: EarlierSession, user: User | null): Promise<string | null> {
    if (secret.length > MAX_SECRET_LENGTH) return null
    const question: Question = { secret, beside, user: user?.id ?? null }
    try {
      const node = await this.#ids.ownerOf(sessionOf(secret))
      if (node === this.#nodes.node) return await this.#findHere(question)
      const client = await this.#nodes.askNode(node, METHOD, question, ANSWER_WAIT_MS)
      return typeof client === 'string' ? client : null
    } catch {
      // No node has given the id, or its node has gone or cannot be reached: then there is no session to replace.
      return null
    }
  }

  async #findHere({ secret, beside, user }: Question): Promise<string | null> {
    const session = this.#sessions.get(sessionOf(secret))
    if (!(session instanceof LiveSession) || !isEqualInConstantTime(session.secret, secret)) return null
    if ((session.user?.id ?? null) !== user) return null
    if (!beside) await this.#replace(session)
    return session.client
  }

  async #replace(session: LiveSession): Promise<void> {
    session.close(new RookeryError('replaced'))
    const late = () => new Error('The close hooks take longer')
    await within(CLOSE_HOOKS_WAIT_MS, Promise.resolve(session.closing), late).catch(() => {})
  }
}
