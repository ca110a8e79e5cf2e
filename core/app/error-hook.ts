import type { Session } from '../sessions/session.ts'

/** An error that the app has logged, because no client and no caller sees what it was. */
export interface ErrorReport {
  /** What was thrown: an `Error`, or any other value. */
  readonly error: unknown
  /**
   * Where it was thrown: `handler` (also middleware and validators), `handshake` (hooks of `onAuthenticate` and
   * `onOpen`), `authorize`, `close` (hooks of `onClose`), `listener` (of the bus), `cluster` (hooks of
   * `app.cluster.onChange`), `publish`, `send` and `disconnect` (a rejection that nobody has handled), `write` (a transport).
   */
  readonly stage: string
  readonly session?: Session
  readonly topic?: string
  /** `errorId` of the line in the log, and `id` of the `internal` error that a client gets. */
  readonly id: string
}

/** Called for each error that the app logs. An error that the hook throws or rejects with is logged. */
export type ErrorHook = (report: ErrorReport) => unknown
