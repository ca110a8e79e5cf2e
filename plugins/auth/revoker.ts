import type { App } from '../../core/app/app.ts'
import { nodeOfSession } from '../../core/cluster/target.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { logId, type Session } from '../../core/sessions/session.ts'
import type { Logger } from '../../core/util/logger.ts'
import type { AuthenticatedSessions } from './authenticated-sessions.ts'
import { isWellFormed } from './identity.ts'
import { sessionKey, tokenKey, userKey } from './revocation-keys.ts'
import type { Revocation, RevocationList } from './revocation-list.ts'
import { RevocationSync, revocationsIn } from './revocation-sync.ts'
import type { Revoked, RevokeOptions, RevokeTarget } from './tokens.ts'

/** Time for a node to close its sessions and answer. */
const NODE_TIMEOUT_MS = 1000
/** How long a revocation is kept after the end of its token: the server reads clocks in whole seconds. */
const END_MARGIN_MS = 1000

interface RevokerSettings {
  readonly app: App
  readonly revocations: RevocationList
  readonly sessions: AuthenticatedSessions
  /** Milliseconds after which every token that is valid now has expired. */
  readonly maxTokenAge: number
  /** How far the `iat` of a valid token may be ahead of this node's clock, in seconds. */
  readonly maxClockLead: number
  readonly log: () => Logger
}

/** The token of a session: its revocation key, and when it ends, in milliseconds since 1970. */
interface SessionToken {
  readonly key: string
  readonly until: number
}

/** The answer of a node that has applied revocations. */
interface Applied {
  /** Number of sessions that it has closed. */
  readonly sessions: number
  /** The revocations as it has applied them. */
  readonly items: readonly Revocation[]
}

/** Revokes tokens on all nodes. */
export class Revoker {
  readonly sync: RevocationSync
  readonly #settings: RevokerSettings
  readonly #app: App

  constructor(settings: RevokerSettings) {
    const { app, revocations, log } = settings
    this.#settings = settings
    this.#app = app
    const { cluster } = app
    this.sync = new RevocationSync(cluster, revocations, (items) => void this.#apply(items), log)
    cluster.answer('auth.revoke', (request, from): Applied => {
      assertNode(from)
      const items = revocationsIn(request).map((revocation) => this.#withNewestToken(revocation))
      return { sessions: this.#apply(items), items }
    })
    cluster.answer('auth.revocations', (request, from) => {
      assertNode(from)
      const after = Number((request as { after?: unknown } | null)?.after)
      return revocations.page(after > 0 ? after : 0)
    })
    cluster.answer('auth.token', (request, from) => {
      assertNode(from)
      return this.#tokenOf((request as { session?: unknown } | null)?.session) ?? null
    })
  }

  /**
   * Revokes tokens and closes their sessions on all nodes.
   *
   * @param except a session that the caller closes
   * @throws `invalid_option`
   */
  async revoke(target: RevokeTarget, { until }: RevokeOptions = {}, except?: Session): Promise<Revoked> {
    const [kind, id] = readTarget(target)
    if (until !== undefined && !(until instanceof Date && Number.isFinite(until.getTime()))) {
      throw new RookeryError('invalid_option', "revoke(): 'until' must be a valid Date")
    }
    const now = Date.now()
    if (kind === 'session') return await this.#revokeSession(id, until?.getTime(), except)
    const end = until?.getTime() ?? now + this.#settings.maxTokenAge
    const revocation =
      kind === 'user'
        ? { key: userKey(id), before: Math.floor(now / 1000), until: end }
        : { key: tokenKey(id), before: null, until: end }
    const logFields = { [kind === 'user' ? 'user' : 'token']: revocation.key }
    return await this.#revokeOnAllNodes(revocation, logFields, except)
  }

  async #revokeSession(id: string, until: number | undefined, except: Session | undefined): Promise<Revoked> {
    const { cluster, sessions } = this.#app
    const owner = nodeOfSession(id) ?? ''
    const logFields = { session: logId({ id }) }
    let token: SessionToken | null | undefined = this.#tokenOf(id)
    if (token === undefined && owner !== '' && owner !== cluster.node) {
      try {
        const answer = await cluster.askNode(owner, 'auth.token', { session: id }, NODE_TIMEOUT_MS)
        token = readSessionToken(answer)
      } catch (error) {
        // The node may hang. All nodes and the store remember the session, and the node closes it when it learns of it.
        this.#settings
          .log()
          .warn({ err: error, ...logFields, node: owner }, 'the node of a session did not answer')
        const end = until ?? Date.now() + this.#settings.maxTokenAge
        const revoked = await this.#revokeOnAllNodes(
          { key: sessionKey(owner, id), before: null, until: end },
          logFields,
          except,
        )
        return { ...revoked, missing: [...new Set([owner, ...revoked.missing])] }
      }
    }
    if (token) {
      const revocation = { key: token.key, before: null, until: until ?? token.until }
      return await this.#revokeOnAllNodes(revocation, logFields, except)
    }
    // The session has no token, so there is no token to revoke: closing the session is enough.
    const closed = sessions.disconnect({ session: id }, new RookeryError('token_revoked'))
    return { sessions: await closed.catch(() => 0), missing: [] }
  }

  async #revokeOnAllNodes(
    revocation: Revocation,
    logFields: object,
    except: Session | undefined,
  ): Promise<Revoked> {
    const { cluster } = this.#app
    const others = cluster.nodes().filter((node) => node !== cluster.node)
    let current = this.#withNewestToken(revocation)
    let sessions = 0
    for (;;) {
      sessions += this.#apply([current], except)
      const sent = current
      const [answers] = await Promise.all([
        Promise.all(others.map((node) => this.#sendTo(node, sent))),
        this.sync.save(current.key),
      ])
      for (const answer of answers) {
        sessions += answer?.sessions ?? 0
        for (const { before } of answer?.items ?? []) {
          if (before !== null && before > (current.before ?? before)) current = { ...current, before }
        }
      }
      // A node knows a token with a later `iat`: the other nodes have to refuse that token, too.
      if (current !== sent) continue
      const missing = others.filter((_node, index) => answers[index] === undefined)
      this.#settings.log().info({ ...logFields, sessions, missing }, 'a token was revoked')
      return { sessions, missing }
    }
  }

  /** Returns what another node has done; undefined if it did not answer. */
  async #sendTo(node: string, revocation: Revocation): Promise<Applied | undefined> {
    const request = { items: [revocation] }
    try {
      const answer = await this.#app.cluster.askNode(node, 'auth.revoke', request, NODE_TIMEOUT_MS)
      const { sessions } = answer as { sessions?: unknown }
      return { sessions: Number(sessions) || 0, items: revocationsIn(answer) }
    } catch (error) {
      // A node without this plugin has no authenticated sessions.
      return (error as { code?: unknown }).code === 'unknown_topic' ? { sessions: 0, items: [] } : undefined
    }
  }

  /**
   * Extends the revocation of a user to the newest token that this node has accepted: the clock of the issuer may be
   * ahead, so that the `iat` of a token is later than the revocation.
   */
  #withNewestToken(revocation: Revocation): Revocation {
    const { before } = revocation
    if (before === null) return revocation
    const { sessions, maxClockLead } = this.#settings
    // A node that was asked late has accepted tokens that were issued after the revocation.
    const newest = Math.min(sessions.newestIssuedAt, before + maxClockLead)
    return newest > before ? { ...revocation, before: newest } : revocation
  }

  /** Adds revocations to the list and closes their sessions on this node; returns the number of closed sessions. */
  #apply(revocations: readonly Revocation[], except?: Session): number {
    const now = Date.now()
    const added = revocations.flatMap((one) => this.#settings.revocations.add(one, now) ?? [])
    const closed = this.#settings.sessions.closeRevoked(revocations, except)
    return added.reduce((sum, { key }) => sum + this.#closeSession(key), closed)
  }

  /** Closes the session of a key, if it is a session of this node, and revokes its token on all nodes. */
  #closeSession(key: string): number {
    const { cluster, sessions } = this.#app
    if (!key.startsWith(sessionKey(cluster.node, ''))) return 0
    for (const session of sessions) {
      if (sessionKey(cluster.node, session.id) !== key) continue
      const token = this.#tokenOf(session.id)
      session.close(new RookeryError('token_revoked'))
      if (token) void this.#revokeOnAllNodes({ ...token, before: null }, { session: logId(session) }, session)
      return 1
    }
    return 0
  }

  /** Returns the token of a session; null if the session has no token, undefined if it is not on this node. */
  #tokenOf(id: unknown): SessionToken | null | undefined {
    const session = typeof id === 'string' ? this.#app.sessions.get(id) : undefined
    if (!session) return undefined
    const { tokenId, expiresAt } = this.#settings.sessions.identityOf(session) ?? {}
    if (tokenId === undefined || expiresAt === undefined) return null
    return { key: tokenKey(tokenId), until: expiresAt + END_MARGIN_MS }
  }
}

/** Accepts requests of nodes only. Other programs may publish to the same cluster, and must not revoke or read. */
const assertNode = (from: string | null): void => {
  if (from === null) throw new RookeryError('forbidden', 'Only nodes may ask this')
}

const readSessionToken = (answer: unknown): SessionToken | undefined => {
  const { key, until } = (answer ?? {}) as Record<string, unknown>
  return typeof key === 'string' && typeof until === 'number' ? { key, until } : undefined
}

const readTarget = (target: unknown): readonly ['user' | 'session' | 'tokenId', string] => {
  const [[kind, id] = [], ...more] = Object.entries((target ?? {}) as object)
  const known = kind === 'user' || kind === 'session' || kind === 'tokenId'
  if (kind === 'user' && typeof id === 'string' && !isWellFormed(id)) {
    throw new RookeryError('invalid_option', 'revoke(): the id of a user must be well-formed Unicode')
  }
  if (known && more.length === 0 && typeof id === 'string' && id !== '') return [kind, id]
  throw new RookeryError(
    'invalid_option',
    'revoke(): the target must be one of { user }, { session } and { tokenId }',
  )
}
