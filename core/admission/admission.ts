import { RookeryError } from '../errors.ts'
import { LinkedList } from '../linked-list.ts'
import { Session } from '../session.ts'
import { closeFrame } from '../session-frames.ts'
import type { SessionHost } from '../session-host.ts'
import type { SessionRegistry } from '../sessions.ts'
import { within } from '../time.ts'
import type { Handshake, Wire } from '../transport.ts'
import { Door, type Place } from './connection-limits.ts'

/** What admission needs of its app. */
export interface AdmissionHost extends SessionHost {
  readonly sessions: SessionRegistry
  /** An id that nobody can guess, and that names this node. */
  sessionId(): string
  /** What a peer may see of whatever refused it; the rest goes to the log. */
  coded(failure: unknown, fields: object): RookeryError
  /** Logs that a peer was refused. */
  refused(error: RookeryError, handshake: Handshake): void
}

/** Lets peers in: asks the hooks who they are and whether they may, and tells those who may not. */
export class Admission {
  readonly #host: AdmissionHost
  /** How to refuse those whose handshake is under way. */
  readonly #handshakes = new LinkedList<() => void>()
  readonly #door: Door
  #accepting = false

  constructor(host: AdmissionHost) {
    this.#host = host
    this.#door = new Door(host.limits)
  }

  get accepting(): boolean {
    return this.#accepting
  }

  /** Takes connections or no longer does: then nobody waits for what hooks may still say of a handshake. */
  accept(accepting: boolean): void {
    this.#accepting = accepting
    if (accepting) return
    this.#door.stopWaiting()
    for (const refuse of this.#handshakes) refuse()
  }

  /** Has a handshake begin in the turn of its network, which may be later if there were many. @throws `rate_limited` */
  async begin<T>(address: string, act: () => T | Promise<T>): Promise<T> {
    const late = this.#accepting ? this.#door.wait(address) : undefined
    if (late) {
      await late
      if (!this.#accepting) throw new RookeryError('shutting_down')
    }
    return await new Promise<T>((resolve, reject) => {
      this.#door.queue(address, () => {
        try {
          // Others of its network may have begun meanwhile.
          this.#check(address)
          resolve(act())
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #check(address: string): void {
    try {
      this.#door.check(address)
    } catch (error) {
      this.#host.count(error as RookeryError)
      throw error
    }
  }

  async open(handshake: Handshake, wire: Wire): Promise<Session> {
    let stop: (error: RookeryError) => void = () => {}
    const stopped = new Promise<never>((_resolve, reject) => {
      stop = reject
    })
    const attempt = new Attempt(this.#host, this.#door, handshake, wire, stop)
    const shutDown = () => stop(new RookeryError('shutting_down'))
    const underWay = this.#handshakes.add(shutDown)
    const late = () => new RookeryError('handshake_timeout')
    try {
      if (!this.#accepting) throw new RookeryError('shutting_down', 'The server is not accepting connections')
      const opened = Promise.race([attempt.run(), stopped])
      const session = await within(this.#host.limits.handshakeTimeout, opened, late)
      session.open()
      attempt.welcomed()
      return session
    } catch (failure) {
      const error = this.#host.coded(failure, { transport: handshake.transport, stage: 'handshake' })
      this.#host.refused(error, handshake)
      attempt.refuse(error)
      throw error
    } finally {
      this.#handshakes.delete(underWay)
    }
  }
}

/** One handshake. */
class Attempt {
  readonly #host: AdmissionHost
  readonly #door: Door
  readonly #handshake: Handshake
  readonly #wire: Wire
  readonly #stop: (error: RookeryError) => void
  /** Gives back the places that it has taken. */
  readonly #leave: (() => void)[] = []
  #place: Place | undefined
  #session: Session | undefined
  #refused: RookeryError | undefined

  /** @param stop ends the wait for it */
  constructor(
    host: AdmissionHost,
    door: Door,
    handshake: Handshake,
    wire: Wire,
    stop: (error: RookeryError) => void,
  ) {
    this.#host = host
    this.#door = door
    this.#handshake = handshake
    this.#wire = wire
    this.#stop = stop
  }

  async run(): Promise<Session> {
    const { sessions } = this.#host
    const { topics = [], address } = this.#handshake
    const place = this.#door.enter(address)
    this.#place = place
    this.#leave.push(place.left)
    for (const pattern of topics) this.#host.checkPattern(pattern)
    const user = await sessions.authenticate(this.#watched(place))
    if (this.#refused) throw this.#refused
    if (user) this.#leave.push(this.#door.admit(user.id))
    const session = new Session(this.#host.sessionId(), user, this.#handshake, this.#wire, this.#host)
    this.#session = session
    session.onEnd = callAll(this.#leave)
    sessions.add(session)
    await session.patterns.addForClient(topics)
    await sessions.opening(session, this.#handshake)
    // A hook, or somebody while hooks took their time, may have closed it.
    if (session.closed) throw session.closeReason ?? new RookeryError('disconnected')
    return session
  }

  /** The handshake is over, and went well. */
  welcomed(): void {
    this.#place?.welcomed()
  }

  /** The handshake, in which it shows that its peer is waited for. */
  #watched(place: Place): Handshake {
    const { firstToken } = this.#handshake
    if (!firstToken) return this.#handshake
    const refuse = (error: RookeryError) => {
      this.refuse(error)
      this.#stop(error)
    }
    const watched = async () => {
      place.idle(refuse)
      return await firstToken().finally(place.busy)
    }
    return { ...this.#handshake, firstToken: watched }
  }

  /** Tells the peer, and closes its connection whatever happens. */
  refuse(error: RookeryError): void {
    if (this.#refused) return
    this.#refused = error
    if (this.#session) {
      // Counts it, or has counted what closed it before.
      this.#session.close(error)
      return
    }
    this.#host.count(error)
    callAll(this.#leave)()
    try {
      this.#wire.write([closeFrame(error)])
    } finally {
      this.#wire.close(error)
    }
  }
}

/** Apart from the attempt, which a closure of its own would keep, with the whole handshake, for as long as the session. */
const callAll =
  (functions: readonly (() => void)[]): (() => void) =>
  () => {
    for (const call of functions) call()
  }
