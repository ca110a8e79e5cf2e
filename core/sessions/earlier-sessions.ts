import type { Nodes } from '../cluster/nodes.ts'
import type { SessionIds } from '../cluster/session-ids.ts'
import type { KeptStream } from '../history/history.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { User } from '../protocol/protocol.ts'
import { isEqualInConstantTime } from '../util/constant-time.ts'
import { within } from '../util/promises.ts'
import { readClientSecret, statement } from './client-secret.ts'
import { LiveSession } from './live-session.ts'
import type { SessionRegistry } from './session-registry.ts'
import type { Handshake } from './transport.ts'

/** Name of the question to the node of the earlier session. */
const METHOD = 'session.earlier'

/** How long a node waits for the close hooks of an earlier session, in milliseconds. */
const CLOSE_HOOKS_WAIT_MS = 1_000

/** How long another node may take to answer, in milliseconds. More than it waits for its close hooks. */
const ANSWER_WAIT_MS = 1_500

/** What a client says of its earlier session, as nodes send it to each other. */
export interface EarlierSession {
  readonly secret: string
  /** Whether the earlier session stays open, because the client changes its transport. */
  readonly beside: boolean
}

type Question = EarlierSession & { readonly session: string; readonly user: string | null }

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

/** Finds the earlier session of a client that connects again, on this node or another, by the secret of its `welcome`. */
export class EarlierSessions {
  readonly #sessions: SessionRegistry
  readonly #nodes: Nodes
  readonly #ids: SessionIds
  readonly #kept: { readonly history: KeptStream | undefined }

  constructor(
    sessions: SessionRegistry,
    nodes: Nodes,
    ids: SessionIds,
    kept: { readonly history: KeptStream | undefined },
  ) {
    this.#sessions = sessions
    this.#nodes = nodes
    this.#ids = ids
    this.#kept = kept
    nodes.answer(METHOD, (payload, from) => (from === null ? null : this.#findHere(payload as Question)))
  }

  /**
   * Finds the earlier session. Closes it with `replaced`, unless it stays open beside the new one, and waits a limited
   * time for its close hooks. Never rejects.
   *
   * @returns the `client` of the session, with a history also if the session has ended; null if the secret is wrong, or
   *   belongs to another user's session
   */
  async find(earlier: EarlierSession, user: User | null): Promise<string | null> {
    const parts = readClientSecret(earlier.secret)
    if (!parts) return null
    const { session, secret, client, proof } = parts
    const question = { session, secret, beside: earlier.beside, user: user?.id ?? null }
    const found = await this.#findSession(question)
    if (found !== null) return found
    const expected = proof === '' ? undefined : this.#kept.history?.sign(statement(client, user))
    return expected !== undefined && isEqualInConstantTime(expected, proof) ? client : null
  }

  async #findSession(question: Question): Promise<string | null> {
    try {
      const node = await this.#ids.ownerOf(question.session)
      if (node === this.#nodes.node) return await this.#findHere(question)
      const client = await this.#nodes.askNode(node, METHOD, question, ANSWER_WAIT_MS)
      return typeof client === 'string' ? client : null
    } catch {
      // No node has given the id, or its node has gone or cannot be reached: then there is no session to replace.
      return null
    }
  }

  async #findHere({ session: id, secret, beside, user }: Question): Promise<string | null> {
    const session = this.#sessions.get(id)
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
