import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, onTestFinished, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  type Client,
  type ClientOptions,
  createClient,
  RookeryError,
  websocket,
} from '../../../client/index.ts'
import type {
  ClientTransport,
  ConnectionEvents,
  ConnectRequest,
  EncodedFrame,
} from '../../../client/transports/transport.ts'
import type { ClientFrame, ServerFrame, WelcomeFrame } from '../../../core/protocol/protocol.ts'

/** Gives each test a clock that it moves, and waits of the same length. */
export const useFakeClock = () => {
  beforeEach(() => {
    vi.useFakeTimers()
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
  })

  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
  })
}

export const welcome = (session = 's1'): WelcomeFrame => ({
  type: 'welcome',
  protocol: 1,
  session,
  secret: `${session}.secret`,
  user: null,
  pingInterval: 25_000,
  maxPayload: 65_536,
})

/** How a scripted server reacts to a frame. */
export type Script = (frame: ClientFrame, peer: Peer) => void

/** Confirms every subscription, and replies to a call with the call's payload. */
export const obliging: Script = (frame, peer) => {
  if (frame.id === undefined) return
  const payload = frame.type === undefined ? frame.payload : undefined
  peer.send({ type: 'reply', id: frame.id, payload })
}

export const silent: Script = () => {}

/** The server's side of one connection. */
export interface Peer {
  /** All frames received over this connection. */
  readonly frames: ClientFrame[]
  /** Query parameters of the handshake. */
  readonly query: URLSearchParams
  send(frame: ServerFrame): void
  sendText(text: string | Buffer): void
  close(code?: number, reason?: string): void
  /** Ends the connection without a close frame. */
  cut(): void
}

/** A WebSocket server whose frames a test controls. */
export class ScriptedServer {
  readonly peers: Peer[] = []
  readonly #server: WebSocketServer

  private constructor(server: WebSocketServer, script: Script, greeting: ServerFrame | undefined) {
    this.#server = server
    server.on('connection', (socket, request) => {
      const peer: Peer = {
        frames: [],
        query: new URL(request.url ?? '', 'http://localhost').searchParams,
        send: (frame) => socket.send(JSON.stringify(frame)),
        sendText: (text) => socket.send(text),
        close: (code, reason) => socket.close(code, reason),
        cut: () => socket.terminate(),
      }
      this.peers.push(peer)
      socket.on('message', (data) => {
        const frame = JSON.parse(String(data)) as ClientFrame
        peer.frames.push(frame)
        script(frame, peer)
      })
      if (greeting) peer.send(greeting)
    })
  }

  static async listen({
    script = obliging,
    greeting = welcome(),
    port = 0,
  }: {
    script?: Script
    greeting?: ServerFrame | null
    port?: number
  } = {}): Promise<ScriptedServer> {
    const server = new WebSocketServer({ port, path: '/api/v1/ws' })
    await once(server, 'listening')
    const scripted = new ScriptedServer(server, script, greeting ?? undefined)
    onTestFinished(() => scripted.stop())
    return scripted
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://localhost:${this.port}`
  }

  /** Number of open connections. */
  get connections(): number {
    return this.#server.clients.size
  }

  /** The latest connection. */
  get peer(): Peer {
    return this.peers.at(-1)!
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** A client that the end of the test closes. By default it reconnects fast and has only the WebSocket transport. */
export const clientOf = (options: ClientOptions): Client => {
  const client = createClient({
    reconnect: { min: 1, max: 20 },
    transports: [websocket({ WebSocket })],
    ...options,
  })
  onTestFinished(() => client.close())
  return client
}

/** Resolves when the client is open. */
export const opened = (client: Client): Promise<void> =>
  new Promise((resolve) => {
    if (client.state === 'open') resolve()
    const off = client.on('open', () => {
      off()
      resolve()
    })
  })

/** One connection of a `MemoryTransport`, from the server's side. */
export interface MemoryPeer extends ConnectionEvents {
  readonly params: Readonly<Record<string, string>>
  /** The token that a request would carry now. */
  readonly token: () => string | undefined
  readonly frames: ClientFrame[]
  /** Number of writes of the client. One write may have several frames. */
  readonly writes: number
  ended: 'no' | 'closed' | 'aborted'
}

/** A transport without a network: the test controls the clock and the server. */
export class MemoryTransport implements ClientTransport {
  readonly name: string
  readonly peers: MemoryPeer[] = []
  /** Whether connections get `welcome`. Otherwise they fail at once. */
  reachable = true
  /** Whether connections stay open without `welcome`. */
  silent = false
  /** Whether requests get a reply. */
  obliging = false
  readonly #greeting: ServerFrame

  constructor(name = 'memory', greeting: ServerFrame = welcome()) {
    this.name = name
    this.#greeting = greeting
  }

  get peer(): MemoryPeer {
    return this.peers.at(-1)!
  }

  connect({ params, token }: ConnectRequest, events: ConnectionEvents) {
    const frames: ClientFrame[] = []
    const peer = { ...events, params, token, frames, writes: 0, ended: 'no' as MemoryPeer['ended'] }
    this.peers.push(peer)
    queueMicrotask(() => {
      if (this.silent) return
      if (this.reachable) events.message(this.#greeting)
      else events.close(new RookeryError('connection_failed'))
    })
    return {
      send: (sent: readonly EncodedFrame[]) => {
        peer.writes++
        for (const frame of sent.map(({ text }) => JSON.parse(text) as ClientFrame)) {
          frames.push(frame)
          const { id } = frame
          if (this.obliging && id !== undefined) queueMicrotask(() => events.message({ type: 'reply', id }))
        }
      },
      close: () => {
        if (peer.ended === 'no') peer.ended = 'closed'
      },
      abort: () => {
        if (peer.ended === 'no') peer.ended = 'aborted'
      },
    }
  }
}
