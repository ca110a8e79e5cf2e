import { RookeryError, type WireError } from '../../core/protocol/errors.ts'
import type { CloseFrame } from '../../core/protocol/protocol.ts'

/** How long `fetchRefusal` may take, in milliseconds. */
const FETCH_TIMEOUT_MS = 2_000

/** The body of the server's response to a request. */
export interface Refusal {
  readonly error?: WireError
  /** Present only when the server refuses the client or its session, not just the request. */
  readonly reconnectAfter?: number | null
  /** Present only when the server has accepted a request of the SSE uplink. */
  readonly next?: number
}

/** Parses the body of a response. A proxy's body may not be JSON: the refusal is empty then. */
export const parseRefusal = (body: string | undefined): Refusal => {
  try {
    return JSON.parse(body as string) ?? {}
  } catch {
    return {}
  }
}

/** Codes for the HTTP statuses of a proxy. */
const CODES: Readonly<Record<number, string>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  408: 'disconnected',
  413: 'payload_too_large',
  429: 'rate_limited',
}

/** Returns the error of a response: the server's own one, or one for the status if a proxy has responded. */
export const errorOf = ({ error }: Refusal, status: number): RookeryError => {
  if (typeof error?.code === 'string') return RookeryError.from(error)
  const code = CODES[status] ?? (status < 500 ? 'protocol_error' : 'disconnected')
  return new RookeryError(code, `A proxy answered with the HTTP status ${status}`)
}

/** Returns the close frame for a refusal of the client, or undefined if the server refused only the request. */
export const closeFrameOf = ({ error, reconnectAfter }: Refusal): CloseFrame | undefined =>
  typeof error?.code === 'string' && reconnectAfter !== undefined
    ? { type: 'close', error, reconnectAfter }
    : undefined

/**
 * Asks a WebSocket endpoint why it refuses this client: browsers hide the response to a handshake from the page.
 *
 * The request is a POST, so that the browser sends the page's origin, as in a handshake. Browsers omit the origin of a
 * GET if page and server have the same origin, as behind a development proxy.
 *
 * @param controller cancels the request when it aborts. This function aborts it after 2 s
 * @returns undefined when the endpoint does not refuse the client, or another server responds
 */
export const fetchRefusal = async (
  url: URL,
  controller: AbortController,
): Promise<CloseFrame | undefined> => {
  const timer = setTimeout(() => controller.abort(), FETCH_TIMEOUT_MS)
  const { signal } = controller
  try {
    // With cookies, as in a WebSocket handshake.
    const response = await fetch(url, { method: 'POST', credentials: 'include', cache: 'no-store', signal })
    return closeFrameOf(parseRefusal(await response.text()))
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
