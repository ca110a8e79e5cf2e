import type { App } from '../../core/app/app.ts'
import type { Store } from '../../core/cluster/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { logId, type Session } from '../../core/sessions/session.ts'
import type { Logger } from '../../core/util/logger.ts'
import type { AuthenticatedSessions } from './authenticated-sessions.ts'
import { tokenKey, userKey } from './revocation-keys.ts'
import { isRevocation, type Revocation, type RevocationList } from './revocation-list.ts'
import type { Revoked, RevokeOptions, RevokeTarget } from './tokens.ts'

/** Time for a node to close its sessions and answer. */
const NODE_TIMEOUT_MS = 1000
/** How many requests for its revocations a node may fail to answer before this node gives up. */
const MAX_FAILED_REQUESTS = 3
const STORE_BUCKET = 'revocations'

interface Page {
  readonly items: readonly Revocation[]
  readonly next: number | null
}

/** Revokes tokens on all nodes. Exchanges revocations with the other nodes and with the store. */
export class Revoker {
  readonly #app: App
  readonly #revocations: RevocationList
  readonly #sessions: AuthenticatedSessions
  readonly #maxTokenAge: number
  readonly #log: () => Logger
  #store: Store | undefined
  #started = false

  /** @param maxTokenAge milliseconds after which every token that is valid now has expired */
  constructor(
    app: App,
    revocations: RevocationList,
    sessions: AuthenticatedSessions,
    maxTokenAge: number,
    log: () => Logger,
  ) {
    this.#app = app
    this.#revocations = revocations
    this.#sessions = sessions
    this.#maxTokenAge = maxTokenAge
    this.#log = log
    const { cluster } = app
    cluster.answer('auth.revoke', (request, from) => {
      assertNode(from)
      return this.#apply(revocationsIn(request))
    })
    cluster.answer('auth.revocations', (request, from): Page => {
      assertNode(from)
      return revocations.page(Number((request as { after?: unknown } | null)?.after) || 0)
    })
    cluster.answer('auth.token', (request, from) => {
      assertNode(from)
      return this.#tokenKeyOf((request as { session?: unknown } | null)?.session) ?? null
    })
    cluster.onChange((node, change) => {
      if (this.#started && change !== 'left') void this.#fetchFrom(node)
    })
  }

  /** Fetches earlier revocations from the store and from the other nodes. */
  async start(store: Store | undefined): Promise<void> {
    this.#store = store
    const { cluster } = this.#app
    const others = cluster.nodes().filter((node) => node !== cluster.node)
    this.#started = true
    await Promise.all([this.#loadStored(), ...others.map((node) => this.#fetchFrom(node))])
  }

  stop(): void {
    this.#started = false
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
    const end = until?.getTime() ?? now + this.#maxTokenAge
    if (kind === 'session') return await this.#revokeSession(id, end, except)
    const revocation =
      kind === 'user'
        ? { key: userKey(id), before: Math.floor(now / 1000), until: end }
        : { key: tokenKey(id), before: null, until: end }
    const logFields = { [kind === 'user' ? 'user' : 'token']: revocation.key }
    return await this.#revokeOnAllNodes(revocation, logFields, except)
  }

  async #revokeSession(id: string, until: number, except: Session | undefined): Promise<Revoked> {
    const { cluster, sessions } = this.#app
    const owner = id.slice(0, Math.max(0, id.indexOf('-')))
    let key: unknown = this.#tokenKeyOf(id)
    if (key === undefined && owner !== cluster.node && cluster.nodes().includes(owner)) {
      try {
        key = (await cluster.askNode(owner, 'auth.token', { session: id }, NODE_TIMEOUT_MS)) ?? undefined
      } catch (error) {
        this.#log().warn(
          { err: error, session: logId({ id }), node: owner },
          'a session could not be revoked',
        )
        return { sessions: 0, missing: [owner] }
      }
    }
    if (typeof key === 'string') {
      return await this.#revokeOnAllNodes({ key, before: null, until }, { session: logId({ id }) }, except)
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
    const closedHere = this.#apply([revocation], except)
    const others = cluster.nodes().filter((node) => node !== cluster.node)
    const [answers] = await Promise.all([
      Promise.all(others.map((node) => this.#sendTo(node, revocation))),
      this.#saveToStore(revocation),
    ])
    const missing = others.filter((_node, index) => answers[index] === undefined)
    const sessions = answers.reduce<number>((sum, count) => sum + (count ?? 0), closedHere)
    this.#log().info({ ...logFields, sessions, missing }, 'a token was revoked')
    return { sessions, missing }
  }

  /** Returns how many sessions another node has closed; undefined if it did not answer. */
  async #sendTo(node: string, revocation: Revocation): Promise<number | undefined> {
    const request = { items: [revocation] }
    try {
      return Number(await this.#app.cluster.askNode(node, 'auth.revoke', request, NODE_TIMEOUT_MS))
    } catch (error) {
      // A node without this plugin has no authenticated sessions.
      return (error as { code?: unknown }).code === 'unknown_topic' ? 0 : undefined
    }
  }

  /** Adds revocations to the list and closes their sessions on this node; returns the number of closed sessions. */
  #apply(revocations: readonly Revocation[], except?: Session): number {
    const now = Date.now()
    for (const revocation of revocations) this.#revocations.add(revocation, now)
    return this.#sessions.closeRevoked(revocations, except)
  }

  /** Returns the key of a session's token; null if the session has no token, undefined if it is not on this node. */
  #tokenKeyOf(id: unknown): string | null | undefined {
    const session = typeof id === 'string' ? this.#app.sessions.get(id) : undefined
    if (!session) return undefined
    const { tokenId } = this.#sessions.identityOf(session) ?? {}
    return tokenId === undefined ? null : tokenKey(tokenId)
  }

  /** Fetches the revocations that another node knows, page by page. */
  async #fetchFrom(node: string): Promise<void> {
    const { cluster } = this.#app
    let after: number | null = 0
    for (let attempt = 1; after !== null && this.#started; ) {
      try {
        const page = (await cluster.askNode(node, 'auth.revocations', { after }, NODE_TIMEOUT_MS)) as Page
        this.#apply(revocationsIn(page))
        after = page.next
      } catch (error) {
        const { code } = error as { code?: unknown }
        if (code === 'unknown_topic' || !cluster.nodes().includes(node)) return
        if (attempt++ < MAX_FAILED_REQUESTS) continue
        this.#log().warn({ err: error, node }, 'the revocations of a node could not be fetched')
        return
      }
    }
  }

  async #loadStored(): Promise<void> {
    try {
      const entries = (await this.#store?.entries(STORE_BUCKET)) ?? []
      this.#apply(revocationsIn({ items: entries.map(([, value]) => value) }))
    } catch (error) {
      this.#log().error({ err: error, stage: 'auth' }, 'the stored revocations could not be read')
    }
  }

  async #saveToStore(revocation: Revocation): Promise<void> {
    try {
      const ttl = revocation.until - Date.now()
      if (ttl > 0) await this.#store?.put(STORE_BUCKET, revocation.key, revocation, ttl)
    } catch (error) {
      this.#log().error(
        { err: error, stage: 'auth' },
        'a revocation could not be stored; only the running nodes know it',
      )
    }
  }
}

/** Accepts requests of nodes only. Other programs may publish to the same cluster, and must not revoke or read. */
const assertNode = (from: string | null): void => {
  if (from === null) throw new RookeryError('forbidden', 'Only nodes may ask this')
}

const revocationsIn = (message: unknown): readonly Revocation[] => {
  const items = (message as { items?: unknown } | null)?.items
  return Array.isArray(items) ? items.filter(isRevocation) : []
}

const readTarget = (target: unknown): readonly ['user' | 'session' | 'tokenId', string] => {
  const [[kind, id] = [], ...more] = Object.entries((target ?? {}) as object)
  const known = kind === 'user' || kind === 'session' || kind === 'tokenId'
  if (known && more.length === 0 && typeof id === 'string' && id !== '') return [kind, id]
  throw new RookeryError(
    'invalid_option',
    'revoke(): the target must be one of { user }, { session } and { tokenId }',
  )
}
