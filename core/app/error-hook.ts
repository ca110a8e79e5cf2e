import type { Session } from '../sessions/session.ts'
import { createToken } from '../util/token.ts'

/** An error that the app has logged, because no client and no caller sees what it was. */
export interface ErrorReport {
  /** What was thrown: an `Error`, or any other value. */
  readonly error: unknown
  /**
   * Where it was thrown: `handler` (also middleware and validators), `handshake` (hooks of `onAuthenticate` and
   * `onOpen`), `authorize`, `close` (hooks of `onClose`), `listener` (of the bus), `cluster` (hooks of
   * `app.cluster.onChange`), `publish`, `send` and `disconnect` (a rejection that nobody has handled), `write` (a transport),
   * `request` and `upgrade` (handlers and routes of `http()`).
   */
  readonly stage: string
  readonly session?: Session
  readonly topic?: string
  /** The path of the request, with the stages `request` and `upgrade`. */
  readonly path?: string
  /** `errorId` of the line in the log, and `id` of the `internal` error that a client gets. */
  readonly id: string
}

/** Called for each error that the app logs. An error that the hook throws or rejects with is logged. */
export type ErrorHook = (report: ErrorReport) => unknown

/** Reports the errors of plugins. */
export interface ErrorReports {
  /** Logs an error under an id, and tells the error hooks. Returns the id. */
  failed(error: unknown, where: Omit<ErrorReport, 'error' | 'id'>, message: string): string
}

/** For the plugins of this package. */
export const ErrorReports = createToken<ErrorReports>('ErrorReports')
