import type { WireError } from '../../core/protocol/errors.ts'
import type { CloseFrame } from '../../core/protocol/protocol.ts'

/** How long the question for the reason may take, in milliseconds. */
const ASK_TIMEOUT_MS = 2_000

/** What a server answers to a request that it refuses. */
export interface Refusal {
  readonly error?: WireError
  /** Only there when the server refuses the client or its session, and not just the request. */
  readonly reconnectAfter?: number | null
}

/** Reads the body of an answer. That of a proxy may be no JSON. */
export const refusalOf = (body: string | undefined): Refusal => {
  try {
    return JSON.parse(body as string) ?? {}
  } catch {
    return {}
  }
}

/** The close frame that a refusal of the client stands for. */
export const closeFrameOf = ({ error, reconnectAfter }: Refusal): CloseFrame | undefined =>
  typeof error?.code === 'string' && reconnectAfter !== undefined
    ? { type: 'close', error, reconnectAfter }
    : undefined

/**
 * Asks an endpoint for WebSockets why it refuses this client: browsers do not show a page the answer to a handshake.
 *
 * The request is a POST, because browsers then name the page's origin as they do in a handshake. With a GET they leave it
 * out where page and server share an origin, as behind a proxy for development.
 *
 * @param over ends the request, which has a time limit, too
 * @returns undefined when the endpoint refuses nothing, or something else answers
 */
export const askForRefusal = async (url: URL, over: AbortController): Promise<CloseFrame | undefined> => {
  const timer = setTimeout(() => over.abort(), ASK_TIMEOUT_MS)
  const { signal } = over
  try {
    // Cookies go along as they do with a WebSocket.
    const response = await fetch(url, { method: 'POST', credentials: 'include', cache: 'no-store', signal })
    return closeFrameOf(refusalOf(await response.text()))
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
