import { createToken } from '../app/scope.ts'
import type { Disconnect, Target } from '../cluster/cluster.ts'
import { unsubscribedFrame } from '../protocol/control-frames.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { User } from '../protocol/protocol.ts'
import { Access, type Action, type Authorizer } from './authorization.ts'
import type { Session } from './live-session.ts'
import type { Handshake } from './transport.ts'

/** Says who a peer is: a user, null for nobody in particular, undefined to let the next one say. */
export type AuthenticateHook = (
  handshake: Handshake,
) => User | null | undefined | Promise<User | null | undefined>
/** Called before a session is welcomed; a coded error that it throws refuses the peer. */
export type OpenHook = (session: Session, handshake: Handshake) => void | Promise<void>
/**
 * Called once when a session has closed; `error` is why, unless the peer left by itself. What it throws or rejects
 * with is reported.
 */
export type CloseHook = (session: Session, error: RookeryError | undefined) => unknown
/** Takes a new token that a client has sent; what it returns is the reply, what it throws refuses. */
export type TokenHook = (session: Session, token: string) => unknown
/** Called when a session's user has been renewed: what it may do may have changed. */
export type RenewHook = (session: Session) => void | Promise<void>

/** This node's sessions. */
export interface Sessions extends Iterable<Session> {
  readonly size: number
  get(id: string): Session | undefined
  /** This node's sessions of a target. */
  find(target: Target): readonly Session[]
  /**
   * Closes all sessions of a target, on every node, and resolves with how many.
   *
   * @param error `session_closed` by default: the clients do not come back
   * @throws `cluster_unavailable` when none is here and other nodes cannot be asked
   */
  disconnect(target: Target, error?: RookeryError): Promise<number>
  /**
   * Adds a hook that says who a peer is; hooks are asked in the order added, those with `fallback` after all
   * others. Returns how to remove it.
   */
  onAuthenticate(hook: AuthenticateHook, options?: { readonly fallback?: boolean }): () => void
  /** Adds a hook that sees each session before it is welcomed. Returns how to remove it. */
  onOpen(hook: OpenHook): () => void
  /** Adds a hook that sees each session after it has closed. Returns how to remove it. */
  onClose(hook: CloseHook): () => void
  /** Adds the hook that takes clients' new tokens. Returns how to remove it. @throws `invalid_option` for a second one */
  onToken(hook: TokenHook): () => void
  /** Adds a hook that is called when a session's user has been renewed. Returns how to remove it. */
  onRenew(hook: RenewHook): () => void
  /** Adds an authorizer: from then on it is asked what sessions may do. Returns how to remove it. */
  addAuthorizer(authorizer: Authorizer): () => void
  /** Asks the authorizers, at once where they know at once. @throws `forbidden` */
  authorize(session: Session, action: Action, topic: string): void | Promise<void>
}

export const Sessions = createToken<Sessions>('Sessions')

/** The topic that stands for a target: `$user/<id>`, `$session/<id>` or `$room/<id>`, escaped. */
export const addressOf = (target: Target): string => {
  const [kind, id, ...more] = Object.entries(target).flat()
  const known = kind === 'user' || kind === 'session' || kind === 'room'
  if (!known || typeof id !== 'string' || id === '' || more.length > 0) {
    throw new RookeryError(
      'invalid_option',
      'A target is one of { user }, { session } or { room }, with its id',
    )
  }
  return `$${kind}/${escapeSegment(id)}`
}

/** Makes any id fit to be one segment of a topic, reversibly: percent-encoding, of `*` too. */
const escapeSegment = (id: string): string => {
  try {
    return encodeURIComponent(id).replaceAll('*', '%2A')
  } catch (cause) {
    throw new RookeryError('invalid_option', 'The id of a target must be well-formed Unicode', { cause })
  }
}

/** The target that an address stands for. @throws `invalid_topic` */
export const targetOf = (address: string): Target => {
  const [, kind, id] = /^\$(user|session|room)\/([^/]+)$/.exec(address) ?? []
  if (kind === undefined || id === undefined) {
    throw new RookeryError('invalid_topic', `'${address}' is not the address of a user, a session or a room`)
  }
  return { [kind]: decodeURIComponent(id) } as unknown as Target
}

/** What a hook answers comes from the application's own data. */
const assertUser = (user: User | null): User | null => {
  if (user === null || (typeof user.id === 'string' && user.id !== '' && typeof user.name === 'string'))
    return user
  throw new RookeryError(
    'invalid_option',
    'A user has an id and a name that are strings, and the id is not empty',
  )
}

const addTo = <T>(list: Set<T>, item: T): (() => void) => {
  list.add(item)
  return () => list.delete(item)
}

/** Keeps this node's sessions by id and by address, and the hooks around their lives. */
export class SessionRegistry implements Sessions {
  readonly #byId = new Map<string, Session>()
  readonly #byAddress = new Map<string, Set<Session>>()
  readonly #authenticate = new Set<AuthenticateHook>()
  readonly #authenticateLast = new Set<AuthenticateHook>()
  readonly #open = new Set<OpenHook>()
  readonly #close = new Set<CloseHook>()
  readonly #renew = new Set<RenewHook>()
  readonly access = new Access()
  #token: TokenHook | undefined
  readonly #interest: (address: string, wanted: boolean) => void
  readonly #disconnect: Disconnect

  /** @param disconnect closes sessions on every node, here by `disconnectHere` */
  constructor(interest: (address: string, wanted: boolean) => void, disconnect: Disconnect) {
    this.#interest = interest
    this.#disconnect = disconnect
  }

  get size(): number {
    return this.#byId.size
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#byId.values()
  }

  get(id: string): Session | undefined {
    return this.#byId.get(id)
  }

  find(target: Target): readonly Session[] {
    const address = addressOf(target)
    if ('session' in target) {
      const session = this.#byId.get(target.session)
      return session ? [session] : []
    }
    return [...(this.#byAddress.get(address) ?? [])]
  }

  async disconnect(target: Target, error = new RookeryError('session_closed')): Promise<number> {
    return this.#disconnect(target, error)
  }

  disconnectHere(target: Target, error: RookeryError): number {
    const sessions = this.find(target)
    for (const session of sessions) session.close(error)
    return sessions.length
  }

  onAuthenticate(hook: AuthenticateHook, { fallback = false } = {}): () => void {
    return addTo(fallback ? this.#authenticateLast : this.#authenticate, hook)
  }

  onOpen(hook: OpenHook): () => void {
    return addTo(this.#open, hook)
  }

  onClose(hook: CloseHook): () => void {
    return addTo(this.#close, hook)
  }

  onToken(hook: TokenHook): () => void {
    if (this.#token) throw new RookeryError('invalid_option', 'Another plugin takes tokens')
    this.#token = hook
    return () => {
      this.#token = undefined
    }
  }

  onRenew(hook: RenewHook): () => void {
    return addTo(this.#renew, hook)
  }

  addAuthorizer(authorizer: Authorizer): () => void {
    return this.access.add(authorizer)
  }

  authorize(session: Session, action: Action, topic: string): void | Promise<void> {
    return this.access.check(session, action, topic)
  }

  /** @throws `forbidden` when nobody takes tokens */
  async token(session: Session, token: string): Promise<unknown> {
    if (!this.#token) throw new RookeryError('forbidden', 'This app takes no tokens')
    return await this.#token(session, token)
  }

  /** Takes away what a session may no longer have, and calls the renew hooks. */
  async renewed(session: Session): Promise<void> {
    const topics = await session.patterns.recheck()
    if (topics.length > 0) session.push(unsubscribedFrame(topics))
    for (const hook of this.#renew) await hook(session)
  }

  /** Asks the hooks who a peer is; the first that has an answer counts. */
  async authenticate(handshake: Handshake): Promise<User | null> {
    for (const hook of [...this.#authenticate, ...this.#authenticateLast]) {
      const user = await hook(handshake)
      if (user !== undefined) return assertUser(user)
    }
    return null
  }

  async opening(session: Session, handshake: Handshake): Promise<void> {
    for (const hook of this.#open) await hook(session, handshake)
  }

  add(session: Session): void {
    this.#byId.set(session.id, session)
    this.#interest(addressOf({ session: session.id }), true)
    if (session.user) this.address(addressOf({ user: session.user.id }), session, true)
  }

  /** Forgets a session and calls the close hooks. */
  remove(session: Session, error: RookeryError | undefined, report: (failure: unknown) => void): void {
    if (!this.#byId.delete(session.id)) return
    this.#interest(addressOf({ session: session.id }), false)
    if (session.user) this.address(addressOf({ user: session.user.id }), session, false)
    for (const hook of this.#close) {
      try {
        Promise.resolve(hook(session, error)).catch(report)
      } catch (failure) {
        report(failure)
      }
    }
  }

  /** Adds or removes a session under an address. */
  address(address: string, session: Session, there: boolean): void {
    const sessions = this.#byAddress.get(address)
    if (there) {
      if (sessions) {
        sessions.add(session)
      } else {
        this.#byAddress.set(address, new Set([session]))
        this.#interest(address, true)
      }
    } else if (sessions?.delete(session) && sessions.size === 0) {
      this.#byAddress.delete(address)
      this.#interest(address, false)
    }
  }
}
