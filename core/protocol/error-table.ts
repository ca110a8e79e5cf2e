import { clientMessages, serverMessages, sharedRows, startupMessages } from './error-codes.ts'
import { addErrors, type ErrorCode, type ErrorEntry, errorEntry } from './errors.ts'

const startupRow = { status: 500, close: 4500, retryable: false }
const startupRows = Object.fromEntries(Object.keys(startupMessages).map((code) => [code, startupRow]))
const rows = { ...sharedRows, ...startupRows }

// On a server, every code has a message. `sideEffects` of package.json names this file, so that bundlers keep the call.
addErrors(rows, { ...clientMessages, ...serverMessages, ...startupMessages })

/** The table of errors. A test compares it with `docs/errors.md`. */
export const errorTable = Object.fromEntries(
  Object.keys(rows).map((code) => [code, errorEntry(code)]),
) as Readonly<Record<ErrorCode, ErrorEntry>>
