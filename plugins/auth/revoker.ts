import type { App } from '../../core/app/app.ts'
import type { Store } from '../../core/cluster/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Session } from '../../core/sessions/session.ts'
import type { Logger } from '../../core/util/logger.ts'
import type { Logins } from './logins.ts'
import { isRevocation, type Revocation, type Revocations } from './revocations.ts'
import type { Revoked, RevokeOptions, RevokeTarget } from './tokens.ts'
import { tokenKey, userKey } from './verifier.ts'

/** Milliseconds that a node has to close its sessions and say so. */
const PATIENCE = 1000
/** How often a node is asked for what it knows. */
const ATTEMPTS = 3
const BUCKET = 'revocations'

interface Page {
  readonly items: readonly Revocation[]
  readonly next: number | null
}

/** Revokes on all nodes, and sees to it that all know what has been revoked. */
export class Revoker {
  readonly #app: App
  readonly #known: Revocations
  readonly #logins: Logins
  readonly #maxTokenAge: number
  readonly #log: () => Logger
  #store: Store | undefined
  #started = false

  /** @param maxTokenAge milliseconds after which no token is good any more that is now */
  constructor(app: App, known: Revocations, logins: Logins, maxTokenAge: number, log: () => Logger) {
    this.#app = app
    this.#known = known
    this.#logins = logins
    this.#maxTokenAge = maxTokenAge
    this.#log = log
    const { cluster } = app
    cluster.answer('auth.revoke', (given, from) => {
      assertNode(from)
      return this.#apply(revocationsIn(given))
    })
    cluster.answer('auth.revocations', (given, from): Page => {
      assertNode(from)
      return known.page(Number((given as { after?: unknown } | null)?.after) || 0)
    })
    cluster.answer('auth.token', (given, from) => {
      assertNode(from)
      return this.#keyOf((given as { session?: unknown } | null)?.session) ?? null
    })
    cluster.onChange((node, change) => {
      if (this.#started && change !== 'left') void this.#pull(node)
    })
  }

  /** Learns what has been revoked before this node was there. */
  async start(store: Store | undefined): Promise<void> {
    this.#store = store
    const { cluster } = this.#app
    const others = cluster.nodes().filter((node) => node !== cluster.node)
    this.#started = true
    await Promise.all([this.#load(), ...others.map((node) => this.#pull(node))])
  }

  stop(): void {
    this.#started = false
  }

  /** @param except a session that is closed by somebody else @throws `invalid_option` */
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
    return await this.#everywhere(
      revocation,
      { [kind === 'user' ? 'user' : 'token']: revocation.key },
      except,
    )
  }

  async #revokeSession(id: string, until: number, except: Session | undefined): Promise<Revoked> {
    const { cluster, sessions } = this.#app
    const owner = id.slice(0, Math.max(0, id.indexOf('-')))
    let key: unknown = this.#keyOf(id)
    if (key === undefined && owner !== cluster.node && cluster.nodes().includes(owner)) {
      try {
        key = (await cluster.askNode(owner, 'auth.token', { session: id }, PATIENCE)) ?? undefined
      } catch (error) {
        this.#log().warn({ err: error, session: id, node: owner }, 'a session could not be revoked')
        return { sessions: 0, missing: [owner] }
      }
    }
    if (typeof key === 'string')
      return await this.#everywhere({ key, before: null, until }, { session: id }, except)
    // It came without a token: there is nothing that it could come back with.
    const closed = sessions.disconnect({ session: id }, new RookeryError('token_revoked'))
    return { sessions: await closed.catch(() => 0), missing: [] }
  }

  async #everywhere(revocation: Revocation, fields: object, except: Session | undefined): Promise<Revoked> {
    const { cluster } = this.#app
    const here = this.#apply([revocation], except)
    const others = cluster.nodes().filter((node) => node !== cluster.node)
    const [answers] = await Promise.all([
      Promise.all(others.map((node) => this.#tell(node, revocation))),
      this.#keep(revocation),
    ])
    const missing = others.filter((_node, index) => answers[index] === undefined)
    const sessions = answers.reduce<number>((sum, count) => sum + (count ?? 0), here)
    this.#log().info({ ...fields, sessions, missing }, 'a token was revoked')
    return { sessions, missing }
  }

  /** How many sessions a node has closed; undefined when it did not answer. */
  async #tell(node: string, revocation: Revocation): Promise<number | undefined> {
    try {
      return Number(await this.#app.cluster.askNode(node, 'auth.revoke', { items: [revocation] }, PATIENCE))
    } catch (error) {
      // A node without this plugin has nobody to close.
      return (error as { code?: unknown }).code === 'unknown_topic' ? 0 : undefined
    }
  }

  /** Remembers revocations and closes the sessions that they concern; returns how many. */
  #apply(revocations: readonly Revocation[], except?: Session): number {
    const now = Date.now()
    for (const revocation of revocations) this.#known.add(revocation, now)
    return this.#logins.close(revocations, except)
  }

  /** The key of a session's token; null when it has none, undefined when the session is not here. */
  #keyOf(id: unknown): string | null | undefined {
    const session = typeof id === 'string' ? this.#app.sessions.get(id) : undefined
    if (!session) return undefined
    const { tokenId } = this.#logins.of(session) ?? {}
    return tokenId === undefined ? null : tokenKey(tokenId)
  }

  /** Learns what another node knows. */
  async #pull(node: string): Promise<void> {
    const { cluster } = this.#app
    let after: number | null = 0
    for (let attempt = 1; after !== null && this.#started; ) {
      try {
        const page = (await cluster.askNode(node, 'auth.revocations', { after }, PATIENCE)) as Page
        this.#apply(revocationsIn(page))
        after = page.next
      } catch (error) {
        const { code } = error as { code?: unknown }
        if (code === 'unknown_topic' || !cluster.nodes().includes(node)) return
        if (attempt++ < ATTEMPTS) continue
        this.#log().warn({ err: error, node }, 'a node could not be asked what has been revoked')
        return
      }
    }
  }

  async #load(): Promise<void> {
    try {
      const entries = (await this.#store?.entries(BUCKET)) ?? []
      this.#apply(revocationsIn({ items: entries.map(([, value]) => value) }))
    } catch (error) {
      this.#log().error({ err: error, stage: 'auth' }, 'what has been revoked before could not be read')
    }
  }

  async #keep(revocation: Revocation): Promise<void> {
    try {
      const ttl = revocation.until - Date.now()
      if (ttl > 0) await this.#store?.put(BUCKET, revocation.key, revocation, ttl)
    } catch (error) {
      this.#log().error({ err: error, stage: 'auth' }, 'a revocation is in the memory of the nodes only')
    }
  }
}

/** What could revoke or read must be a node: others may publish to the same cluster. */
const assertNode = (from: string | null): void => {
  if (from === null) throw new RookeryError('forbidden', 'Only nodes may ask this')
}

const revocationsIn = (given: unknown): readonly Revocation[] => {
  const items = (given as { items?: unknown } | null)?.items
  return Array.isArray(items) ? items.filter(isRevocation) : []
}

const readTarget = (target: unknown): readonly ['user' | 'session' | 'tokenId', string] => {
  const [[kind, id] = [], ...more] = Object.entries((target ?? {}) as object)
  const known = kind === 'user' || kind === 'session' || kind === 'tokenId'
  if (known && more.length === 0 && typeof id === 'string' && id !== '') return [kind, id]
  throw new RookeryError(
    'invalid_option',
    'revoke(): the target is one of { user }, { session } and { tokenId }',
  )
}
