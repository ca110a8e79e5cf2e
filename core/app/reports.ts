import { errorTable, publicError, RookeryError } from '../protocol/errors.ts'
import { logId, type Session } from '../sessions/session.ts'
import type { Handshake } from '../sessions/transport.ts'
import type { Logger } from '../util/logger.ts'

/** Milliseconds between two log lines about dropped messages. */
const DROP_REPORT_INTERVAL_MS = 1000

/** Of several errors, the first one that the client may see. */
const firstPublic = (error: unknown): unknown => {
  try {
    return error instanceof AggregateError ? (error.errors.find(publicError) ?? error) : error
  } catch {
    // The `errors` of an application's error are not a list.
    return error
  }
}

/** Counts refusals, logs errors, and hides internal errors from clients. */
export class Reports {
  /** Number of refusals by error code. */
  readonly refusals: Record<string, number> = {}
  readonly #log: Logger
  #dropped = 0
  #dropTimer: NodeJS.Timeout | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  /** Counts a refusal. */
  count({ code }: RookeryError): void {
    // All codes of the application count as one: their number is not bounded.
    const key = Object.hasOwn(errorTable, code) ? code : 'other'
    this.refusals[key] = (this.refusals[key] ?? 0) + 1
  }

  /** Returns the part of an error that a client may see. Logs an internal error under an id, which the client gets. */
  coded(error: unknown, fields: object): RookeryError {
    const visible = publicError(error)
    if (visible) return visible
    const id = crypto.randomUUID()
    this.#log.error({ err: error, errorId: id, ...fields }, 'an internal error was hidden from a client')
    return new RookeryError('internal', undefined, { id })
  }

  /**
   * Returns the part of a handler's error that the client may see. If several handlers failed, the first public
   * error.
   */
  expose(error: unknown, session: Session, topic: string): RookeryError {
    const first = firstPublic(error)
    if (first !== error)
      this.#log.error({ err: error, session: logId(session), topic }, 'several handlers failed')
    return this.coded(first, { session: logId(session), topic, stage: 'handler' })
  }

  /** Logs an error of a session. */
  report(error: unknown, session: Session, stage: string): void {
    this.#log.error({ err: error, session: logId(session), stage }, 'a session failed')
  }

  /** Logs that a peer was refused. */
  refused({ code }: RookeryError, { transport, address }: Handshake): void {
    this.#log.debug({ code, transport, address }, 'a connection was refused')
  }

  /** Logs that a pattern to which a client subscribes was refused, or is no longer allowed. */
  refusedPattern(error: unknown, session: Session, pattern: string): void {
    const code = publicError(error)?.code ?? 'internal'
    this.#log.debug({ code, session: logId(session), pattern }, 'a subscription was refused')
  }

  /** Counts messages that slow consumers did not get. Logs the number once a second. */
  dropped(count: number): void {
    this.#dropped += count
    this.#dropTimer ??= setTimeout(() => this.#logDrops(), DROP_REPORT_INTERVAL_MS).unref()
  }

  #logDrops(): void {
    this.#log.warn({ dropped: this.#dropped }, 'slow consumers did not get some messages')
    this.#dropped = 0
    this.#dropTimer = undefined
  }
}
