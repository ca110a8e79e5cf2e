import { codedError, publicError } from '../protocol/coded-error.ts'
import { errorTable } from '../protocol/error-table.ts'
import { RookeryError } from '../protocol/errors.ts'
import { logId, type Session } from '../sessions/session.ts'
import type { Handshake } from '../sessions/transport.ts'
import type { Logger } from '../util/logger.ts'
import { isPromiseLike } from '../util/promises.ts'
import type { ErrorHook, ErrorReport } from './error-hook.ts'

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

/** Counts refusals, logs errors, tells the error hooks, and hides internal errors from clients. */
export class Reports {
  /** Number of refusals by error code. */
  readonly refusals: Record<string, number> = {}
  readonly #log: Logger
  readonly #hooks = new Set<ErrorHook>()
  #dropped = 0
  #dropTimer: NodeJS.Timeout | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  /** Adds a hook that is called for each logged error. @throws `invalid_option` */
  onError(hook: ErrorHook): () => void {
    if (typeof hook !== 'function') throw new RookeryError('invalid_option', 'onError() needs a function')
    // A new function, so that the same hook may be added twice and removed once.
    const own: ErrorHook = (report) => hook(report)
    this.#hooks.add(own)
    return () => void this.#hooks.delete(own)
  }

  /** Counts a refusal. */
  count({ code }: RookeryError): void {
    // All codes of the application count as one: their number is not bounded.
    const key = Object.hasOwn(errorTable, code) ? code : 'other'
    this.refusals[key] = (this.refusals[key] ?? 0) + 1
  }

  /** Logs an error of the application's code under an id, and tells the error hooks. Returns the id. */
  failed(
    error: unknown,
    { session, ...where }: Omit<ErrorReport, 'error' | 'id'>,
    message: string,
    fields: object = {},
  ): string {
    const id = crypto.randomUUID()
    this.#log.error(
      { err: error, errorId: id, ...(session && { session: logId(session) }), ...where, ...fields },
      message,
    )
    for (const hook of this.#hooks) this.#tell(hook, { error, ...where, ...(session && { session }), id })
    return id
  }

  #tell(hook: ErrorHook, report: ErrorReport): void {
    const failed = (error: unknown) =>
      this.#log.error({ err: error, stage: 'onError' }, 'an error hook failed')
    try {
      const told = hook(report)
      if (isPromiseLike(told)) Promise.resolve(told).catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** Returns the part of an error that a client may see. Logs an internal error under an id, which the client gets. */
  coded(error: unknown, where: Omit<ErrorReport, 'error' | 'id'>, fields: object = {}): RookeryError {
    const visible = publicError(error)
    if (visible) {
      if (visible !== error) this.checkData(error as RookeryError, where)
      return visible
    }
    const id = this.failed(error, where, 'an internal error was hidden from a client', fields)
    return new RookeryError('internal', undefined, { id })
  }

  /**
   * Returns the part of a handler's error that the client may see. If several handlers failed, the first public
   * error.
   */
  expose(error: unknown, session: Session, topic: string): RookeryError {
    const where = { stage: 'handler', session, topic }
    const first = firstPublic(error)
    if (first !== error) this.failed(error, where, 'several handlers failed')
    return this.coded(first, where)
  }

  /** Logs an error of a session. */
  report(error: unknown, session: Session, stage: string): void {
    this.failed(error, { stage, session }, 'a session failed')
  }

  /** Logs the rejection of a call of the application that nobody has handled. */
  unhandled(error: unknown, stage: string, topic?: string): void {
    const where = { stage, ...(topic !== undefined && { topic }) }
    // An expected answer, not a fault: nobody is connected there.
    if (publicError(error)?.code === 'not_connected') this.#log.debug(where, 'a message reached no session')
    else this.failed(error, where, 'a call failed, and nobody has handled its rejection')
  }

  /** Logs that the data of an error is lost, since JSON cannot hold it. */
  checkData(error: RookeryError, { stage, session, topic }: Omit<ErrorReport, 'error' | 'id'>): void {
    if (error.data === undefined || codedError(error)?.data !== undefined) return
    const where = { stage, topic, ...(session && { session: logId(session) }) }
    this.#log.error(
      { err: error, ...where },
      'the data of an error cannot be written as JSON: the client gets the rest',
    )
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
