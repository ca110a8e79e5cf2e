import { closeFrame } from './close-frame.ts'
import { RookeryError } from './errors.ts'
import { Session } from './session.ts'
import type { SessionHost } from './session-host.ts'
import type { SessionRegistry } from './sessions.ts'
import { within } from './time.ts'
import type { Handshake, Wire } from './transport.ts'

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
  readonly #handshakes = new Set<() => void>()
  #accepting = false

  constructor(host: AdmissionHost) {
    this.#host = host
  }

  get accepting(): boolean {
    return this.#accepting
  }

  /** Takes connections or no longer does: then nobody waits for what hooks may still say of a handshake. */
  accept(accepting: boolean): void {
    this.#accepting = accepting
    if (!accepting) for (const refuse of this.#handshakes) refuse()
  }

  async open(handshake: Handshake, wire: Wire): Promise<Session> {
    const attempt = new Attempt(this.#host, handshake, wire)
    let stop = () => {}
    const stopped = new Promise<never>((_resolve, reject) => {
      stop = () => reject(new RookeryError('shutting_down'))
    })
    this.#handshakes.add(stop)
    const late = () => new RookeryError('handshake_timeout')
    try {
      if (!this.#accepting) throw new RookeryError('shutting_down', 'The server is not accepting connections')
      const opened = Promise.race([attempt.run(), stopped])
      const session = await within(this.#host.limits.handshakeTimeout, opened, late)
      session.open()
      return session
    } catch (failure) {
      const error = this.#host.coded(failure, { transport: handshake.transport, stage: 'handshake' })
      this.#host.refused(error, handshake)
      attempt.refuse(error)
      throw error
    } finally {
      this.#handshakes.delete(stop)
    }
  }
}

/** One handshake. */
class Attempt {
  readonly #host: AdmissionHost
  readonly #handshake: Handshake
  readonly #wire: Wire
  #session: Session | undefined
  #refused: RookeryError | undefined

  constructor(host: AdmissionHost, handshake: Handshake, wire: Wire) {
    this.#host = host
    this.#handshake = handshake
    this.#wire = wire
  }

  async run(): Promise<Session> {
    const { sessions } = this.#host
    const { topics = [] } = this.#handshake
    for (const pattern of topics) this.#host.checkPattern(pattern)
    const user = await sessions.authenticate(this.#handshake)
    if (this.#refused) throw this.#refused
    const session = new Session(this.#host.sessionId(), user, this.#handshake, this.#wire, this.#host)
    this.#session = session
    sessions.add(session)
    session.patterns.addForClient(topics)
    await sessions.opening(session, this.#handshake)
    // A hook, or somebody while hooks took their time, may have closed it.
    if (session.closed) throw session.closeReason ?? new RookeryError('disconnected')
    return session
  }

  /** Tells the peer, and closes its connection whatever happens. */
  refuse(error: RookeryError): void {
    this.#refused = error
    if (this.#session) {
      this.#session.close(error)
      return
    }
    try {
      this.#wire.write([closeFrame(error)])
    } finally {
      this.#wire.close(error)
    }
  }
}
