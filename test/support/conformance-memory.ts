import {
  type ClientFrame,
  createToken,
  definePlugin,
  type Frame,
  type PeerSession,
  type Plugin,
  RookeryError,
  type ServerFrame,
  type Transport,
  type TransportHost,
  Transports,
  type Wire,
} from 'rookery'
import type { Peer, PeerHandshake } from 'rookery/testing/conformance'

/** Milliseconds for buffered frames to be read after `close`. */
const CLOSE_TIMEOUT_MS = 100

/** A transport without a network: frames of one side reach the other side one turn of the event loop later. */
class MemoryTransport implements Transport {
  readonly name = 'memory'
  readonly #links = new Set<Link>()
  #host: TransportHost | undefined
  #stopping: (() => void) | undefined

  async start(host: TransportHost): Promise<void> {
    this.#host = host
  }

  async stop(): Promise<void> {
    this.#host = undefined
    if (this.#links.size === 0) return
    await new Promise<void>((resolve) => {
      this.#stopping = resolve
    })
  }

  connect(handshake: PeerHandshake): Peer {
    if (!this.#host) throw new Error('The transport has stopped')
    const link = new Link(this.#host.limits.maxPayload, () => {
      this.#links.delete(link)
      if (this.#links.size === 0) this.#stopping?.()
    })
    this.#links.add(link)
    void link.open(this.#host, handshake)
    return link.peer
  }
}

/** A connection: the app uses it as a wire, and the peer is at the other end. */
class Link implements Wire {
  readonly peer: MemoryPeer
  readonly #maxPayload: number
  readonly #forget: () => void
  #session: PeerSession | undefined
  /** Frames that arrived before the session was open. */
  #early: string[] = []
  #down: string[] = []
  #bytes = 0
  #moving = false
  #closing: NodeJS.Timeout | undefined
  #gone = false

  constructor(maxPayload: number, forget: () => void) {
    this.#maxPayload = maxPayload
    this.#forget = forget
    this.peer = new MemoryPeer({
      up: (text) => this.#receive(text),
      end: () => this.terminate(),
      read: () => this.#move(),
    })
  }

  async open(host: TransportHost, { params, token }: PeerHandshake): Promise<void> {
    const handshake = {
      transport: 'memory',
      address: 'here',
      headers: {},
      query: new URLSearchParams(params),
    }
    try {
      this.#session = await host.open(token === undefined ? handshake : { ...handshake, token }, this)
    } catch {
      return
    }
    if (this.#gone) this.#session.disconnected()
    for (const text of this.#early) this.#session.receive(text)
  }

  get buffered(): number {
    return this.#bytes
  }

  write(frames: readonly Frame[]): void {
    if (this.#gone || this.#closing) return
    for (const { text } of frames) {
      this.#down.push(text)
      this.#bytes += text.length
    }
    this.#move()
  }

  close(): void {
    if (this.#gone || this.#closing) return
    this.#closing = setTimeout(() => this.terminate(), CLOSE_TIMEOUT_MS)
    this.#move()
  }

  terminate(): void {
    if (this.#gone) return
    this.#gone = true
    clearTimeout(this.#closing)
    this.#down = []
    this.#bytes = 0
    this.peer.end()
    this.#session?.disconnected()
    this.#forget()
  }

  #receive(text: string): void {
    if (this.#gone || this.#closing) return
    if (Buffer.byteLength(text) > this.#maxPayload)
      this.#session?.close(new RookeryError('payload_too_large'))
    else if (this.#session) this.#session.receive(text)
    else this.#early.push(text)
  }

  #move(): void {
    if (this.#moving) return
    this.#moving = true
    setImmediate(() => {
      this.#moving = false
      if (this.#gone || this.peer.paused) return
      for (const text of this.#down) this.peer.take(text)
      this.#down = []
      this.#bytes = 0
      if (this.#closing) this.terminate()
    })
  }
}

interface Uplink {
  up(text: string): void
  end(): void
  read(): void
}

class MemoryPeer implements Peer {
  readonly frames: ServerFrame[] = []
  closed: { code?: string } | undefined
  paused = false
  readonly #link: Uplink
  #muted = false

  constructor(link: Uplink) {
    this.#link = link
  }

  send(frame: ClientFrame): void {
    const text = JSON.stringify(frame)
    setImmediate(() => this.#link.up(text))
  }

  close(): void {
    setImmediate(() => this.#link.end())
  }

  abort(): void {
    this.close()
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    this.#link.read()
  }

  mute(): void {
    this.#muted = true
  }

  take(text: string): void {
    const frame = JSON.parse(text) as ServerFrame
    this.frames.push(frame)
    if (frame.type === 'ping' && !this.#muted) this.send({ type: 'pong' })
  }

  end(): void {
    const last = this.frames.at(-1)
    this.closed = last?.type === 'close' ? { code: last.error.code } : {}
  }
}

export const Memory = createToken<MemoryTransport>('Memory', 'memory()')

/** @param alter wraps the transport before the app gets it, for instance with a fault */
export const memory = (alter: (transport: Transport) => Transport = (transport) => transport): Plugin =>
  definePlugin({
    name: 'memory',
    setup(scope) {
      const transport = new MemoryTransport()
      scope.provide(Memory, () => transport)
      scope.get(Transports).add(alter(transport))
    },
  })
