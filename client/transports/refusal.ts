import type { WireError } from '../../core/protocol/errors.ts'
import type { CloseFrame } from '../../core/protocol/protocol.ts'

/** How long `fetchRefusal` may take, in milliseconds. */
const FETCH_TIMEOUT_MS = 2_000

/** The body of the server's response to a request that it refuses. */
export interface Refusal {
  readonly error?: WireError
  /** Present only when the server refuses the client or its session, not just the request. */
  readonly reconnectAfter?: number | null
}

/** Parses the body of a response. A proxy's body may not be JSON: the refusal is empty then. */
export const parseRefusal = (body: string | undefined): Refusal => {
  try {
    return JSON.parse(body as string) ?? {}
  } catch {
    return {}
  }
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
