import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
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

export const welcome = (session = 's1'): WelcomeFrame => ({
  type: 'welcome',
  protocol: 1,
  session,
  user: null,
  pingInterval: 25_000,
  maxPayload: 65_536,
})

/** What a server answers to a frame by itself. */
export type Script = (frame: ClientFrame, peer: Peer) => void

/** Confirms every subscription; answers a call with its own payload. */
export const obliging: Script = (frame, peer) => {
  if (frame.id === undefined) return
  const payload = frame.type === undefined ? frame.payload : undefined
  peer.send({ type: 'reply', id: frame.id, payload })
}

export const silent: Script = () => {}

/** The server's side of one connection. */
export interface Peer {
  /** Every frame of this connection so far. */
  readonly frames: ClientFrame[]
  /** Query of the handshake. */
  readonly query: URLSearchParams
  send(frame: ServerFrame): void
  sendText(text: string | Buffer): void
  close(code?: number, reason?: string): void
  /** Cuts the line, without a word. */
  cut(): void
}

/** A WebSocket server that speaks the wire protocol the way a test wants it to. */
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

  /** Connections that stand now. */
  get connections(): number {
    return this.#server.clients.size
  }

  /** The connection made last. */
  get peer(): Peer {
    return this.peers.at(-1)!
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** A client that is closed with the test, comes back fast and, unless told otherwise, has WebSocket alone. */
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
  /** What would go with a request now. */
  readonly token: () => string | undefined
  readonly frames: ClientFrame[]
  /** How many times the client sent: frames that go together go in one. */
  readonly writes: number
  ended: 'no' | 'closed' | 'aborted'
}

/** A transport without a network: time and the server are the test's. */
export class MemoryTransport implements ClientTransport {
  readonly name: string
  readonly peers: MemoryPeer[] = []
  /** Whether connections are welcomed, or fail at once. */
  reachable = true
  /** Whether connections stand, and are never welcomed. */
  silent = false
  /** Whether questions are answered. */
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
