import { clientMessages, type ErrorRow, sharedRows, type startupMessages } from './error-codes.ts'

/** A code of Rookery. Applications may throw errors with other codes. */
export type ErrorCode = keyof typeof sharedRows | keyof typeof startupMessages

/** The row of the error table for one code. */
export interface ErrorEntry extends ErrorRow {
  /** The message of an error that is created without one. */
  readonly message: string
}

const applicationError: ErrorEntry = {
  message: 'The request was refused',
  status: 400,
  close: 4400,
  retryable: false,
}

/** The rows by their codes: the ones of a client at first. On a server, `error-table.ts` adds the rest. */
const entries = new Map<string, ErrorEntry>()

/** Adds rows with their messages, and replaces rows that are there already. */
export const addErrors = (
  rows: Readonly<Record<string, ErrorRow>>,
  messages: Readonly<Record<string, string>>,
): void => {
  for (const [code, row] of Object.entries(rows)) {
    entries.set(code, { ...row, message: messages[code] ?? applicationError.message })
  }
}

addErrors(sharedRows, clientMessages)

/** Returns the row for a code. A code of the application counts as a refused request (400). */
export const errorEntry = (code: string): ErrorEntry => entries.get(code) ?? applicationError

/** One issue that a validator found: a message, and the path in the payload. */
export interface Issue {
  readonly message: string
  readonly path?: readonly (string | number)[]
}

/** An error on the wire. */
export interface WireError {
  readonly code: string
  readonly message: string
  readonly issues?: readonly Issue[]
  /** What the application says about the error. Plain JSON. */
  readonly data?: unknown
  /** Present if it differs from the table. A code of the application counts as not retryable. */
  readonly retryable?: boolean
  /** Of an `internal` error: the id of its line in the server's log. */
  readonly id?: string
}

export interface RookeryErrorOptions {
  /** The error behind this one. It stays on its side of the wire. */
  readonly cause?: unknown
  readonly issues?: readonly Issue[] | undefined
  /** What the client needs to know beside the code, as plain JSON. */
  readonly data?: unknown
  /**
   * Whether the same request or connection may succeed later.
   *
   * @default true with a `reconnectAfter` that is not null, otherwise as the table says; false for codes of the
   *   application
   */
  readonly retryable?: boolean | undefined
  /**
   * For an error that closes a session: milliseconds after which the client reconnects, or null if it must not. All
   * clients get the same time, so choose a random one for many clients.
   *
   * @default up to 5000, chosen at random, if the error is retryable, otherwise null
   */
  readonly reconnectAfter?: number | null | undefined
  readonly id?: string | undefined
}

/**
 * An error with a code. Compare `code`, not the class, since the error may have come over the wire.
 *
 * On a server, every code of Rookery has a default message. In a client, only the codes that a
 * client creates errors with have one.
 *
 * If a handler throws it, the client gets its code and message, unless the status of the code is 500.
 *
 * @example throw new RookeryError('sold_out', 'No tickets left', { data: { next: '2027-01-01' }, retryable: true })
 */
export class RookeryError extends Error {
  override readonly name = 'RookeryError'
  readonly code: ErrorCode | (string & {})
  /** Whether the same request or connection may succeed later. */
  readonly retryable: boolean
  // `declare`, so that an error without issues has no property `issues`.
  declare readonly issues?: readonly Issue[]
  /** What the application says about the error. */
  declare readonly data?: unknown
  /** For an error that closes a session: milliseconds after which the client reconnects; null: it must not. */
  declare readonly reconnectAfter?: number | null
  /** Of an `internal` error: the id of its line in the server's log. */
  declare readonly id?: string

  constructor(code: ErrorCode | (string & {}), message?: string, options: RookeryErrorOptions = {}) {
    const row = errorEntry(code)
    super(message ?? row.message, options)
    const { issues, data, retryable, reconnectAfter, id } = options
    this.code = code
    if (issues) this.issues = issues
    if (data !== undefined) this.data = data
    if (reconnectAfter !== undefined) this.reconnectAfter = reconnectAfter
    if (id) this.id = id
    // Over the wire, and from JavaScript, other types are possible.
    this.retryable = (retryable ?? (reconnectAfter != null || row.retryable)) === true
  }

  /** HTTP status of the code. */
  get status(): number {
    return errorEntry(this.code).status
  }

  /** WebSocket close code of the code. */
  get closeCode(): number {
    return errorEntry(this.code).close
  }

  /** The error on the wire: code, message, issues, data, retryable and id, without the cause and the stack. */
  toJSON(): WireError {
    const { code, message, issues, data, retryable, id } = this
    return {
      code,
      message,
      ...(issues && { issues }),
      ...(data !== undefined && { data }),
      ...(retryable !== errorEntry(code).retryable && { retryable }),
      ...(id && { id }),
    }
  }

  /** Creates an error from one that came over the wire. */
  static from(error: WireError & Pick<RookeryErrorOptions, 'reconnectAfter'>): RookeryError {
    return new RookeryError(error.code, error.message, error)
  }
}
