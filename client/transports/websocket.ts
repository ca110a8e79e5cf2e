import { errorTable, RookeryError } from '../../core/protocol/errors.ts'
import { invalidOption, readPath } from '../invalid-option.ts'
import { encode, readFrame } from '../messages/frames.ts'
import { askForRefusal } from './refusal.ts'
import type {
  ClientConnection,
  ClientTransport,
  ConnectionEvents,
  ConnectRequest,
  EncodedFrame,
} from './transport.ts'

/** What is used of a WebSocket: the browser's, Node's and that of the `ws` package all fit. */
interface WebSocketLike {
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  send(text: string): void
  close(): void
  /** Where there is one, a dead connection is dropped without waiting for the peer. */
  terminate?(): void
}
export type WebSocketClass = new (url: string) => WebSocketLike

export interface WebSocketOptions {
  /** @default the global one; Node before 22 has none: `import { WebSocket } from 'ws'` */
  readonly WebSocket?: WebSocketClass | undefined
  /** Path of the server's WebSocket endpoint. @default '/api/v1/ws' */
  readonly path?: string | undefined
}

/**
 * The WebSocket transport, and the first one by default.
 *
 * @throws `invalid_option`
 * @example createClient({ url, transports: [websocket({ WebSocket })] })
 */
export const websocket = ({
  WebSocket = globalThis.WebSocket,
  path: given = '/api/v1/ws',
}: WebSocketOptions = {}): ClientTransport => {
  const fix = `a WebSocket class, and there is no global one here: pass { WebSocket } from the package 'ws'`
  const missing = typeof WebSocket === 'function' ? undefined : invalidOption('WebSocket', fix, WebSocket)
  // A page may do without; a wrong option is a mistake.
  if (missing && WebSocket !== undefined) throw missing
  const path = readPath(given)
  const recent = { failed: false }
  return {
    name: 'websocket',
    unavailable: missing,
    connect: (request, events) => new WebSocketConnection(WebSocket, path, request, recent, events),
  }
}

class WebSocketConnection implements ClientConnection {
  readonly #socket: WebSocketLike
  readonly #asking = new AbortController()
  #ended = false

  /** @param recent whether the last attempt over this transport failed */
  constructor(
    WebSocket: WebSocketClass,
    path: string,
    request: ConnectRequest,
    recent: { failed: boolean },
    events: ConnectionEvents,
  ) {
    const token = request.token()
    const endpoint = new URL(path, request.url)
    const target = new URL(endpoint)
    target.protocol = target.protocol.replace('http', 'ws')
    // Says that the token follows, so that a server which does not insist on one waits for it.
    const params = token ? { auth: 'first', ...request.params } : request.params
    target.search = new URLSearchParams(params).toString()
    const socket = new WebSocket(target.href)
    const failedBefore = recent.failed
    recent.failed = true
    let stood = false
    let cause: unknown
    socket.onopen = () => {
      stood = true
      recent.failed = false
      // Browsers let nobody set a header: the server waits for this frame before it says welcome.
      if (token) this.send([encode({ type: 'auth', token })])
    }
    socket.onmessage = ({ data }: { data: unknown }) => {
      const frame = readFrame(data, events)
      if (frame) events.message(frame)
    }
    // A browser tells nothing here; `ws` says what went wrong, and would throw if nobody listened.
    socket.onerror = (event: { error?: unknown; message?: unknown }) => {
      cause = event.error ?? event.message
    }
    socket.onclose = (event: { code: number; reason: string }) => {
      const code = errorCode(event) ?? (stood ? 'disconnected' : 'connection_failed')
      // Without the query, which may hold secrets.
      const message = stood ? undefined : `Could not connect to ${target.origin}${target.pathname}`
      const close = () => events.close(new RookeryError(code, message, { cause }))
      // The first failure is told at once, so that another transport is tried without a delay.
      if (stood || cause !== undefined || !failedBefore) close()
      else void this.#ask(endpoint, events, close)
    }
    this.#socket = socket
  }

  send(frames: readonly EncodedFrame[]): void {
    for (const { text } of frames) this.#socket.send(text)
  }

  close(): void {
    this.#silence()
    this.#socket.close()
  }

  abort(): void {
    this.#silence()
    const socket = this.#socket
    ;(socket.terminate ?? socket.close).call(socket)
  }

  /** Finds out whether the server has refused the connection. */
  async #ask(endpoint: URL, events: ConnectionEvents, close: () => void): Promise<void> {
    const refusal = await askForRefusal(endpoint, this.#asking)
    if (refusal && !this.#ended) events.message(refusal)
    if (!this.#ended) close()
  }

  #silence(): void {
    this.#ended = true
    this.#asking.abort()
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null
    // `ws` reports an error when it is closed while connecting.
    this.#socket.onerror = () => {}
  }
}

/** The error code that a close carries: its reason is one, or its number is a standard one of the table. */
const errorCode = ({ code, reason }: { code: number; reason: string }): string | undefined => {
  if (/^[a-z]+(_[a-z]+)*$/.test(reason)) return reason
  // The numbers from 4000 on are shared by several codes.
  return Object.entries(errorTable).find(([, entry]) => entry.close === code && code < 4000)?.[0]
}
