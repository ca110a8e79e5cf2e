import type { ErrorData, KnownErrorCode, TypedError } from '../../core/contract/infer.ts'
import { RookeryError } from '../../core/protocol/errors.ts'

/** Whether a value is an error with this code. */
export const isError = <C, Code extends KnownErrorCode<C>>(
  error: unknown,
  code: Code,
): error is TypedError<Code, ErrorData<C, Code>> => error instanceof RookeryError && error.code === code
