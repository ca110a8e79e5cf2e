import { RookeryError } from '../../core/protocol/errors.ts'
import { deadline } from './deadline.ts'

export interface RequestOptions {
  readonly method?: 'POST' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly keepalive?: boolean
  readonly signal?: AbortSignal
}

/** Sends a request to the server's endpoint. The suffix follows the path of the endpoint. */
export type MakeRequest = (suffix: string, options: RequestOptions) => Promise<Response>

/**
 * Sends a request and returns the status and the body of the response.
 *
 * @param outer cancels the request when it aborts
 * @param timeout in milliseconds
 */
export const requestText = async (
  request: MakeRequest,
  suffix: string,
  options: RequestOptions,
  outer: AbortSignal | undefined,
  timeout: number,
): Promise<[status: number, body: string]> => {
  const { signal, race, abort } = deadline(outer, timeout)
  const response = async (): Promise<[number, string]> => {
    const response = await request(suffix, { ...options, signal })
    return [response.status, await response.text()]
  }
  return await race(response()).finally(abort)
}

/** Whether a retry is pointless: the server gave an error that is not retryable. */
export const isFinal = (error: unknown): boolean => error instanceof RookeryError && !error.retryable
