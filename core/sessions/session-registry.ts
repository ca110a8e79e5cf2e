import { addressOf, type Target } from '../cluster/target.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Frame } from '../protocol/frame.ts'
import type { User } from '../protocol/protocol.ts'
import { isPromiseLike } from '../util/promises.ts'
import type { Work } from '../util/work.ts'
import { assertUser } from './assert-user.ts'
import { type Action, Authorization, type Authorizer } from './authorization.ts'
import { LiveSession } from './live-session.ts'
import type { PeerSession, Session } from './session.ts'
import type { AuthenticateHook, CloseHook, OpenHook, RenewHook, Sessions, TokenHook } from './sessions.ts'
import type { Handshake } from './transport.ts'

type DisconnectEverywhere = (target: Target, error: RookeryError) => Promise<number>

/** Adds a hook. Wraps it, so that the same hook may be added twice and removed once. */
const addTo = <H extends (...args: never[]) => unknown>(hooks: Set<H>, hook: H): (() => void) => {
  const own = ((...args) => hook(...args)) as H
  hooks.add(own)
  return () => void hooks.delete(own)
}

/** Holds this node's sessions by id and by address, and the hooks of their lifecycle. */
export class SessionRegistry implements Sessions {
  readonly #byId = new Map<string, LiveSession>()
  readonly #byAddress = new Map<string, Set<PeerSession>>()
  readonly #authenticate = new Set<AuthenticateHook>()
  readonly #authenticateLast = new Set<AuthenticateHook>()
  readonly #open = new Set<OpenHook>()
  readonly #close = new Set<CloseHook>()
  readonly #renew = new Set<RenewHook>()
  readonly authorization = new Authorization()
  #token: TokenHook | undefined
  #additions = 0
  readonly #interest: (address: string, wanted: boolean) => void
  readonly #disconnect: DisconnectEverywhere
  readonly #work: Work
  /** Sessions whose open hooks have been called. Only these get the close hooks. */
  readonly #opened = new WeakSet<Session>()
  /** Called when the last session has closed, while the app stops. */
  #whenEmpty: (() => void) | undefined

  /**
   * @param interest called when an address gets its first session and when it loses its last one
   * @param disconnect closes sessions on every node; it calls `disconnectHere` for this node
   * @param work counts the close hooks under way
   */
  constructor(
    interest: (address: string, wanted: boolean) => void,
    disconnect: DisconnectEverywhere,
    work: Work,
  ) {
    this.#interest = interest
    this.#disconnect = disconnect
    this.#work = work
  }

  get size(): number {
    return this.#byId.size
  }

  /** Number of times so far that a session has been added to an address. */
  get additions(): number {
    return this.#additions
  }

  [Symbol.iterator](): Iterator<LiveSession> {
    return this.#byId.values()
  }

  get(id: string): Session | undefined {
    return this.#byId.get(id)
  }

  find(target: Target): readonly PeerSession[] {
    const address = addressOf(target)
    if ('session' in target) {
      const session = this.#byId.get(target.session)
      return session ? [session] : []
    }
    return [...(this.#byAddress.get(address) ?? [])]
  }

  disconnect(target: Target, error = new RookeryError('session_closed')): Promise<number> {
    return this.#disconnect(target, error)
  }

  disconnectHere(target: Target, error: RookeryError): number {
    const sessions = this.find(target)
    for (const session of sessions) session.close(error)
    return sessions.length
  }

  push(session: Session, frame: Frame): void {
    if (session instanceof LiveSession) session.push(frame)
  }

  enterRoom(session: Session, room: string): void {
    if (session instanceof LiveSession) session.membership.add(room)
  }

  exitRoom(session: Session, room: string): void {
    if (session instanceof LiveSession) session.membership.delete(room)
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
    const own: TokenHook = (session, token) => hook(session, token)
    this.#token = own
    return () => {
      // A hook that was added after the removal of this one stays.
      if (this.#token === own) this.#token = undefined
    }
  }

  onRenew(hook: RenewHook): () => void {
    return addTo(this.#renew, hook)
  }

  addAuthorizer(authorizer: Authorizer): () => void {
    return this.authorization.add(authorizer)
  }

  authorize(session: Session, action: Action, topic: string): void | Promise<void> {
    return this.authorization.check(session, action, topic)
  }

  authorizePattern(session: Session, pattern: string): boolean | Promise<boolean> {
    return this.authorization.checkPattern(session, pattern)
  }

  /** @throws `forbidden` if there is no token hook */
  async token(session: Session, token: string): Promise<unknown> {
    if (!this.#token) throw new RookeryError('forbidden', 'This app takes no tokens')
    return await this.#token(session, token)
  }

  /** Calls the renew hooks. */
  async renewed(session: Session): Promise<void> {
    for (const hook of this.#renew) await hook(session)
  }

  /** Returns the user of a peer: that of its transport, or the first answer of a hook that is not undefined. */
  async authenticate(handshake: Handshake): Promise<User | null> {
    for (const hook of [() => handshake.user, ...this.#authenticate, ...this.#authenticateLast]) {
      const user = await hook(handshake)
      if (user !== undefined) return assertUser(user)
    }
    return null
  }

  /** Whether everybody may connect and do everything: no hook but a fallback identifies peers, and no authorizer decides. */
  get isOpenToAll(): boolean {
    return this.authorization.unlimited && this.#authenticate.size === 0
  }

  /** Calls the open hooks. */
  async opening(session: Session, handshake: Handshake): Promise<void> {
    this.#opened.add(session)
    for (const hook of this.#open) {
      await hook(session, handshake)
      // A hook, or the app while the hook ran, may have closed the session.
      if (session.closed) return
    }
  }

  /**
   * Closes each session as soon as none of its frames is under way. Resolves when no session is left.
   *
   * @param reason creates the reason of a session
   */
  async leave(reason: () => RookeryError): Promise<void> {
    for (const session of [...this.#byId.values()]) session.inbound.leave(() => session.close(reason()))
    if (this.size === 0) return
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve
    })
  }

  add(session: LiveSession): void {
    // First what may throw, so that a session is added as a whole or not at all.
    const address = session.user && addressOf({ user: session.user.id })
    this.#byId.set(session.id, session)
    if (address) this.address(address, session, true)
  }

  /** Removes a session and calls the close hooks. Returns a promise of the asynchronous ones, if there are any. */
  remove(
    session: PeerSession,
    error: RookeryError | undefined,
    report: (failure: unknown) => void,
  ): Promise<unknown> | undefined {
    if (!this.#byId.delete(session.id)) return undefined
    if (session.user) this.address(addressOf({ user: session.user.id }), session, false)
    if (this.size === 0) this.#whenEmpty?.()
    if (!this.#opened.has(session)) return undefined
    const pending: Promise<unknown>[] = []
    for (const hook of this.#close) {
      try {
        const result = this.#work.run('hooks', () => hook(session, error))
        if (isPromiseLike(result)) pending.push(Promise.resolve(result).catch(report))
      } catch (failure) {
        report(failure)
      }
    }
    return pending.length > 0 ? Promise.all(pending) : undefined
  }

  /** Adds a session to an address, or removes it. */
  address(address: string, session: PeerSession, added: boolean): void {
    const sessions = this.#byAddress.get(address)
    if (added) {
      this.#additions++
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
