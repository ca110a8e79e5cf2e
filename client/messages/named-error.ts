import { RookeryError } from '../../core/protocol/errors.ts'

/** Returns an error of the server whose message also names what the server has refused. */
export const namedError = (name: string, error: RookeryError): RookeryError => {
  const { code, message, retryable } = error
  return new RookeryError(code, `${name}: ${message}`, { ...error, retryable, cause: error })
}
