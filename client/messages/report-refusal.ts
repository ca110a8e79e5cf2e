import { RookeryError } from '../../core/protocol/errors.ts'
import type { RestoredHost } from './restored-host.ts'

/** Tells the client of a refusal that the application does not learn of from one of its handles. */
export const reportRefusal = (
  host: RestoredHost,
  handles: readonly { readonly observed: boolean }[],
  name: string,
  error: RookeryError,
): void => {
  if (handles.every(({ observed }) => observed)) return
  const { code, message, retryable } = error
  host.refused(new RookeryError(code, `${name}: ${message}`, { ...error, retryable, cause: error }))
}

/** The error of a state that the application could not load. */
export const stateError = (pattern: string, cause: unknown): RookeryError => {
  const { code, message } = cause instanceof RookeryError ? cause : new RookeryError('internal', `${cause}`)
  return new RookeryError(code, `The state of ${JSON.stringify(pattern)} was not loaded: ${message}`, {
    cause,
  })
}
