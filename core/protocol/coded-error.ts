import { type Issue, RookeryError } from './errors.ts'
import { stringify } from './stringify.ts'

/** Copies the typed fields of an issue. Validators add fields that clients need not see, or that JSON cannot write. */
const wireIssue = ({ message, path }: Issue): Issue => ({
  message: String(message),
  ...(path && { path: Array.from(path, (key) => (typeof key === 'number' ? key : String(key))) }),
})

/**
 * Returns the coded error that a thrown value is, or undefined if it is none. Never throws: other people's code may throw
 * anything, such as a class of its own with this name, or an error with fields of other types.
 *
 * The result has no `data` if JSON cannot hold that of the error.
 *
 * Compares the name, not the class, since a second copy of the package has another class.
 */
export const codedError = (thrown: unknown): RookeryError | undefined => {
  try {
    if (!(thrown instanceof Error) || thrown.name !== 'RookeryError') return undefined
    const { code, message, issues, data, retryable, reconnectAfter, id } = thrown as Error &
      Partial<Record<keyof RookeryError, unknown>>
    if (typeof code !== 'string') return undefined
    // The usual case: nothing of the error has been replaced.
    const isOwn = Object.getPrototypeOf(thrown) === RookeryError.prototype && !Object.hasOwn(thrown, 'toJSON')
    if (isOwn && typeof message === 'string' && issues === undefined && data === undefined)
      return thrown as RookeryError
    return new RookeryError(code, typeof message === 'string' ? message : undefined, {
      cause: thrown,
      issues: Array.isArray(issues) ? issues.map(wireIssue) : undefined,
      data: isWritable(data) ? data : undefined,
      retryable: retryable as boolean,
      reconnectAfter: reconnectAfter as number,
      id: typeof id === 'string' ? id : undefined,
    })
  } catch {
    // A getter of the value has thrown, or an issue is no issue.
    return undefined
  }
}

const isWritable = (data: unknown): boolean => {
  try {
    return stringify(data) !== undefined
  } catch {
    return false
  }
}

/** Returns the error that a client may see of a thrown value, or undefined if the client must not see it. Never throws. */
export const publicError = (thrown: unknown): RookeryError | undefined => {
  const error = codedError(thrown)
  return error && error.status !== 500 ? error : undefined
}
