import { sharedRows } from '../../core/protocol/error-codes.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { invalidOption, readPath } from '../util/invalid-option.ts'
import { encodeFrame, readFrame } from './frames.ts'
import { fetchRefusal } from './refusal.ts'
import type {
  ClientConnection,
  ClientTransport,
  ConnectionEvents,
  ConnectRequest,
  EncodedFrame,
} from './transport.ts'

/** How long the WebSocket's own closing may take, in milliseconds. */
const CLOSE_TIMEOUT_MS = 5_000

/** The part of a WebSocket that the client uses. The classes of browsers, Node and the package `ws` have it. */
interface WebSocketLike {
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  readonly bufferedAmount?: number
  send(text: string): void
  close(): void
  /** Closes without waiting for the server, if the class has it (`ws`). */
  terminate?(): void
}
export type WebSocketClass = new (url: string) => WebSocketLike

export interface WebSocketOptions {
  /**
   * The WebSocket class. Node before 22 has no global one: `import { WebSocket } from 'ws'`.
   *
   * @default globalThis.WebSocket
   */
  readonly WebSocket?: WebSocketClass | undefined
  /** Path of the server's WebSocket endpoint. @default '/api/v1/ws' */
  readonly path?: string | undefined
}

/**
 * Creates the WebSocket transport. It is the first one of the default list.
 *
 * @throws `invalid_option`
 * @example createClient({ url, transports: [websocket({ WebSocket })] })
 */
export const websocket = (options: WebSocketOptions = {}): ClientTransport => {
  const { WebSocket = globalThis.WebSocket, path: given = '/api/v1/ws' } = options
  const fix = `a WebSocket class, and there is no global one here: pass { WebSocket } from the package 'ws'`
  const missing = typeof WebSocket === 'function' ? undefined : invalidOption('WebSocket', fix, WebSocket)
  // Without a global class the client can use other transports. A wrong option is a mistake of the application.
  if (missing && WebSocket !== undefined) throw missing
  const path = readPath(given)
  const lastAttempt = { failed: false }
  return {
    name: 'websocket',
    unavailable: missing,
    withDefaults: (defaults) =>
      websocket({
        WebSocket: options.WebSocket ?? (defaults.WebSocket as WebSocketClass | undefined),
        path: options.path ?? defaults.path,
      }),
    connect: (request, events) => new WebSocketConnection(WebSocket, path, request, lastAttempt, events),
  }
}

class WebSocketConnection implements ClientConnection {
  readonly #socket: WebSocketLike
  readonly #refusalRequest = new AbortController()
  #ended = false

  /** @param lastAttempt whether the last attempt over this transport failed; updated by this attempt */
  constructor(
    WebSocket: WebSocketClass,
    path: string,
    request: ConnectRequest,
    lastAttempt: { failed: boolean },
    events: ConnectionEvents,
  ) {
    const token = request.token()
    const endpoint = new URL(path, request.url)
    const target = new URL(endpoint)
    target.protocol = target.protocol.replace('http', 'ws')
    // Announces that a token follows, so that a server where a token is optional waits for it.
    const params = token ? { auth: 'first', ...request.params } : request.params
    target.search = new URLSearchParams(params).toString()
    const socket = new WebSocket(target.href)
    const failedBefore = lastAttempt.failed
    lastAttempt.failed = true
    let opened = false
    let cause: unknown
    socket.onopen = () => {
      opened = true
      lastAttempt.failed = false
      // A page cannot set headers of the handshake, so the token is the first frame. The server then sends `welcome`.
      try {
        if (token) this.send([encodeFrame({ type: 'auth', token })])
      } catch (cause) {
        this.abort()
        events.close(new RookeryError('connection_failed', undefined, { cause }))
      }
    }
    socket.onmessage = ({ data }: { data: unknown }) => {
      const frame = readFrame(data, events)
      if (frame) events.message(frame)
    }
    // A browser gives no reason here. `ws` does, and would throw without a listener.
    socket.onerror = (event: { error?: unknown; message?: unknown }) => {
      cause = event.error ?? event.message
    }
    socket.onclose = (event: { code: number; reason: string }) => {
      const reported = errorCode(event)
      const code = reported ?? (opened ? 'disconnected' : 'connection_failed')
      // Without the query, which may contain secrets.
      const failed = `Could not connect to ${target.origin}${target.pathname}`
      const message = opened ? reported && `The server closed the connection: ${reported}` : failed
      const close = () => events.close(new RookeryError(code, message, { cause }))
      // The first failure is reported at once, so that the client tries another transport without a delay.
      if (opened || cause !== undefined || !failedBefore) close()
      else void this.#closeWithReason(endpoint, events, close)
    }
    this.#socket = socket
  }

  get buffered(): number | undefined {
    return this.#socket.bufferedAmount
  }

  send(frames: readonly EncodedFrame[]): void {
    for (const { text } of frames) this.#socket.send(text)
  }

  close(): void {
    this.#detach()
    const socket = this.#socket
    const timer = setTimeout(() => socket.terminate?.(), CLOSE_TIMEOUT_MS)
    socket.onclose = () => clearTimeout(timer)
    socket.close()
  }

  abort(): void {
    this.#detach()
    const socket = this.#socket
    ;(socket.terminate ?? socket.close).call(socket)
  }

  /** Asks the server whether it refused the connection, then closes. */
  async #closeWithReason(endpoint: URL, events: ConnectionEvents, close: () => void): Promise<void> {
    const refusal = await fetchRefusal(endpoint, this.#refusalRequest)
    if (refusal && !this.#ended) events.message(refusal)
    if (!this.#ended) close()
  }

  #detach(): void {
    this.#ended = true
    this.#refusalRequest.abort()
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null
    // `ws` emits an error when it is closed while connecting, and would throw without a listener.
    this.#socket.onerror = () => {}
  }
}

/** Returns the error code of a close event: its reason, if that is a code, or the code of its standard close number. */
const errorCode = ({ code, reason }: { code: number; reason: string }): string | undefined => {
  if (/^[a-z]+(_[a-z]+)*$/.test(reason)) return reason
  // Several error codes share a number from 4000 on.
  return Object.entries(sharedRows).find(([, { close }]) => close === code && code < 4000)?.[0]
}
