import { ConnectionLimits, type Slot } from '../admission/connection-limits.ts'
import { isForged, type SessionIds } from '../cluster/session-ids.ts'
import { addressOf } from '../cluster/target.ts'
import { closeFrame } from '../protocol/control-frames.ts'
import { RookeryError } from '../protocol/errors.ts'
import { LinkedList } from '../util/linked-list.ts'
import { within } from '../util/promises.ts'
import { type EarlierSession, type EarlierSessions, splitEarlierSession } from './earlier-sessions.ts'
import { LiveSession } from './live-session.ts'
import type { PeerSession } from './session.ts'
import type { SessionHost } from './session-host.ts'
import type { SessionRegistry } from './session-registry.ts'
import type { Handshake, Wire } from './transport.ts'

/** The app, as the session opener sees it. */
export interface SessionOpenerHost {
  readonly sessions: SessionRegistry
  readonly sessionIds: SessionIds
  readonly earlierSessions: EarlierSessions
  /** The app, as the sessions see it. */
  readonly sessionHost: SessionHost
  /** Returns the part of a failure that the peer may see, and logs the rest. */
  coded(failure: unknown, stage: string, fields: object): RookeryError
  /** Logs that a peer was refused. */
  refused(error: RookeryError, handshake: Handshake): void
}

/** Opens sessions: applies the connection limits, runs the authenticate and open hooks, and tells refused peers why. */
export class SessionOpener {
  readonly #host: SessionOpenerHost
  /** Functions that refuse the handshakes under way. */
  readonly #handshakes = new LinkedList<() => void>()
  readonly #limits: ConnectionLimits
  #accepting = false

  constructor(host: SessionOpenerHost) {
    this.#host = host
    this.#limits = new ConnectionLimits(host.sessionHost.limits)
  }

  /**
   * Starts or stops accepting connections. Stopping refuses the handshakes under way without waiting for their hooks.
   */
  accept(accepting: boolean): void {
    this.#accepting = accepting
    if (accepting) return
    this.#limits.stopWaiting()
    for (const refuse of this.#handshakes) refuse()
  }

  /** Begins a handshake now, or when the rate of its network admits it. @throws `rate_limited`, `shutting_down` */
  async begin<T>(address: string, act: () => T | Promise<T>): Promise<T> {
    const wait = this.#accepting ? this.#limits.wait(address) : undefined
    if (wait) {
      await wait
      if (!this.#accepting) throw new RookeryError('shutting_down')
    }
    try {
      this.#limits.check(address)
    } catch (error) {
      this.#host.sessionHost.count(error as RookeryError)
      throw error
    }
    return await act()
  }

  /** Finds the node of a session. See `TransportHost.ownerOf`. */
  async ownerOf(session: string, address: string): Promise<string> {
    try {
      return await this.#host.sessionIds.ownerOf(session)
    } catch (error) {
      if (isForged(error)) this.#limits.take(address)
      throw error
    }
  }

  /** Opens a session for a connection. See `TransportHost.open`. */
  async open(given: Handshake, wire: Wire): Promise<PeerSession> {
    const { handshake, earlier } = splitEarlierSession(given)
    let stop: (error: RookeryError) => void = () => {}
    const stopped = new Promise<never>((_resolve, reject) => {
      stop = reject
    })
    stopped.catch(() => {})
    const attempt = new Attempt(this.#host, this.#limits, handshake, earlier, wire, stopped, stop)
    const shutDown = () => stop(new RookeryError('shutting_down'))
    const underWay = this.#handshakes.add(shutDown)
    const late = () => new RookeryError('handshake_timeout')
    try {
      if (!this.#accepting) throw new RookeryError('shutting_down', 'The server is not accepting connections')
      const running = this.#host.sessionHost.work.run('hooks', () => attempt.run())
      const opened = Promise.race([running, stopped])
      const session = await within(this.#host.sessionHost.limits.handshakeTimeout, opened, late)
      session.open()
      attempt.welcomed()
      return session
    } catch (failure) {
      const error = this.#host.coded(failure, 'handshake', { transport: handshake.transport })
      this.#host.refused(error, handshake)
      attempt.refuse(error)
      // Ends a wait for the peer's token.
      stop(error)
      throw error
    } finally {
      this.#handshakes.delete(underWay)
    }
  }
}

/** One handshake. */
class Attempt {
  readonly #host: SessionOpenerHost
  readonly #limits: ConnectionLimits
  readonly #handshake: Handshake
  readonly #earlier: EarlierSession | undefined
  readonly #wire: Wire
  readonly #stopped: Promise<never>
  readonly #stop: (error: RookeryError) => void
  /** Functions that undo the counts of the connection limits. */
  readonly #leave: (() => void)[] = []
  #slot: Slot | undefined
  #session: LiveSession | undefined
  #refused: RookeryError | undefined

  /**
   * @param stopped rejects when the wait for the attempt ends
   * @param stop rejects `stopped`
   */
  constructor(
    host: SessionOpenerHost,
    limits: ConnectionLimits,
    handshake: Handshake,
    earlier: EarlierSession | undefined,
    wire: Wire,
    stopped: Promise<never>,
    stop: (error: RookeryError) => void,
  ) {
    this.#host = host
    this.#limits = limits
    this.#handshake = handshake
    this.#earlier = earlier
    this.#wire = wire
    this.#stopped = stopped
    this.#stop = stop
  }

  async run(): Promise<LiveSession> {
    const { sessions, sessionHost } = this.#host
    const { topics = [], address } = this.#handshake
    const slot = this.#limits.enter(address)
    this.#slot = slot
    this.#leave.push(slot.left)
    for (const pattern of topics) sessionHost.checkPattern(pattern)
    const authenticated = await sessions.authenticate(this.#watched(slot))
    const { checkUser } = sessionHost
    const user = authenticated && checkUser ? await checkUser(authenticated) : authenticated
    if (this.#refused) throw this.#refused
    const client = this.#earlier ? await this.#host.earlierSessions.find(this.#earlier, user) : null
    if (this.#refused) throw this.#refused
    if (user) this.#leave.push(this.#limits.admit(user.id))
    const id = this.#host.sessionIds.create()
    const session = new LiveSession(id, user, this.#handshake, this.#wire, sessionHost, client)
    sessions.add(session)
    // Without asking the authorizers: what is sent to a user is for that user.
    if (user && sessionHost.kept.history?.keepsUsers) session.subscribe(addressOf({ user: user.id }))
    session.onEnd = callAll(this.#leave)
    this.#session = session
    const { refused } = await session.patterns.addForClient(topics)
    for (const { error } of refused) throw error
    await sessions.opening(session, this.#handshake)
    await sessionHost.settled()
    // A hook, or the app while hooks ran, may have closed the session.
    if (session.closed) throw session.closeReason ?? new RookeryError('disconnected')
    return session
  }

  /** Ends the handshake after the session has opened. */
  welcomed(): void {
    this.#slot?.welcomed()
  }

  /** The handshake, with a `firstToken` that marks the slot as idle while it waits for the peer. */
  #watched(slot: Slot): Handshake {
    const { firstToken } = this.#handshake
    if (!firstToken) return this.#handshake
    const refuse = (error: RookeryError) => {
      this.refuse(error)
      this.#stop(error)
    }
    const watched = async () => {
      slot.idle(refuse)
      return await Promise.race([firstToken(), this.#stopped]).finally(slot.busy)
    }
    return { ...this.#handshake, firstToken: watched }
  }

  /** Tells the peer why, and closes its connection in any case. */
  refuse(error: RookeryError): void {
    if (this.#refused) return
    this.#refused = error
    if (this.#session) {
      // Counts the error, unless another one has closed the session before.
      this.#session.close(error)
      return
    }
    this.#host.sessionHost.count(error)
    callAll(this.#leave)()
    try {
      this.#wire.write([closeFrame(error)])
    } finally {
      this.#wire.close(error)
    }
  }
}

/** Outside of the attempt: a closure in it would keep the whole handshake for as long as the session lives. */
const callAll =
  (functions: readonly (() => void)[]): (() => void) =>
  () => {
    for (const call of functions) call()
  }
