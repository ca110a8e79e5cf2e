import type { Frame, PeerSession, TransportHost } from 'rookery'
import { topicMatches } from '../../core/topics/topic.ts'

/** A message as its publisher knows it. */
export interface Published {
  readonly seq: number
  readonly topic: string
}

/** A subscription of a peer. */
export interface PeerSubscription {
  readonly pattern: string
  /** `asking`: until the reply. `replaying`: until the end of the replay. */
  state: 'asking' | 'replaying' | 'live'
  /** Numbers of the messages that it has got. */
  readonly got: number[]
  /** The peer has got everything up to this number. */
  position: number
  /** It has to have got all messages after this number. Undefined until it is known. */
  from: number | undefined
  /** The newest messages that it asked for. */
  readonly last: number | undefined
}

type Received = Record<string, unknown> & { type?: string; id?: number; payload?: Record<string, unknown> }

/**
 * A client that follows the protocol and does nothing else: it keeps a position for each subscription. Its connection holds frames
 * back until the test reads them.
 */
export class HistoryPeer {
  readonly subscriptions = new Set<PeerSubscription>()
  readonly gaps: string[] = []
  readonly #host: TransportHost
  readonly #seqOf: (cursor: string) => number
  readonly #cursorOf: (seq: number) => string
  #wire: object | undefined
  #unread: Frame[] = []
  #unreadBytes = 0
  #session: PeerSession | undefined
  #requests = new Map<number, PeerSubscription[]>()
  #current: PeerSubscription[] = []
  #lastId = 0
  isOpen = false

  /**
   * @param seqOf the number of a cursor
   * @param cursorOf the cursor of a number
   */
  constructor(host: TransportHost, seqOf: (cursor: string) => number, cursorOf: (seq: number) => string) {
    this.#host = host
    this.#seqOf = seqOf
    this.#cursorOf = cursorOf
  }

  get unreadFrames(): number {
    return this.#unread.length
  }

  /** Connects, and subscribes again with the positions of the subscriptions. */
  async open(): Promise<void> {
    const peer = this
    this.#unread = []
    this.#unreadBytes = 0
    this.#requests.clear()
    this.isOpen = true
    const wire = {
      get buffered() {
        return peer.#unreadBytes
      },
      write: (frames: readonly Frame[]) => {
        for (const frame of frames) {
          this.#unread.push(frame)
          this.#unreadBytes += frame.bytes
        }
      },
      close: () => this.#closed(wire),
      terminate: () => this.#closed(wire),
    }
    this.#wire = wire
    const handshake = { transport: 'test', address: '', headers: {}, query: new URLSearchParams() }
    this.#session = await this.#host.open(handshake, wire)
    for (const [position, subscriptions] of byPosition(this.subscriptions))
      this.#ask(subscriptions, this.#cursorOf(position))
  }

  #closed(wire: object): void {
    if (this.#wire === wire) this.isOpen = false
  }

  /** The connection is lost, and what the peer has not read. */
  cut(): void {
    this.isOpen = false
    this.#session?.disconnected()
    this.#session = undefined
  }

  subscribe(pattern: string, since: unknown): void {
    const last = (since as { last?: number } | undefined)?.last
    const from = since === 'earliest' ? 0 : typeof since === 'string' ? this.#seqOf(since) : undefined
    const position = from ?? 0
    const subscription: PeerSubscription = { pattern, state: 'asking', got: [], position, from, last }
    this.subscriptions.add(subscription)
    this.#ask([subscription], since)
  }

  #ask(subscriptions: readonly PeerSubscription[], since: unknown): void {
    const id = ++this.#lastId
    for (const one of subscriptions) one.state = 'asking'
    this.#requests.set(id, [...subscriptions])
    const topics = [...new Set(subscriptions.map(({ pattern }) => pattern))]
    const frame = { type: 'subscribe', id, topics, ...(since !== undefined && { since }) }
    this.#session?.receive(JSON.stringify(frame))
  }

  /** Reads frames from the connection. */
  read(count: number): void {
    for (const frame of this.#unread.splice(0, count)) {
      this.#unreadBytes -= frame.bytes
      this.#take(JSON.parse(frame.text) as Received)
    }
  }

  #take(frame: Received): void {
    const { type, id, cursor } = frame as { type?: string; id?: number; cursor?: string }
    const position = cursor === undefined ? undefined : this.#seqOf(cursor)
    if (type === 'reply') {
      const asked = this.#requests.get(id as number) ?? []
      const { cursor: own } = frame.payload as { cursor?: string }
      for (const one of asked) {
        one.state = own === undefined ? 'replaying' : 'live'
        if (own === undefined) continue
        one.position = this.#seqOf(own)
        one.from ??= one.position
      }
      this.#current = own === undefined ? asked : []
    } else if (type === 'replayed') {
      if (frame.recovered !== true) this.gaps.push(String(frame.reason))
      for (const one of this.#current) {
        one.state = 'live'
        one.position = position as number
        // Fewer messages than asked for: the history had no more.
        if (one.last !== undefined) one.from ??= one.got[0] === undefined ? position : one.got[0] - 1
      }
      this.#current = []
    } else if (type === undefined) {
      const takers = frame.replayed ? this.#current : [...this.subscriptions].filter(isLive)
      for (const one of takers) {
        if (topicMatches(one.pattern, frame.topic as string)) one.got.push(position as number)
        one.position = position as number
      }
    } else if (position !== undefined) {
      for (const one of this.subscriptions) if (one.state === 'live') one.position = position
    }
  }
}

const isLive = ({ state }: PeerSubscription): boolean => state === 'live'

const byPosition = (subscriptions: Iterable<PeerSubscription>): Map<number, PeerSubscription[]> => {
  const groups = new Map<number, PeerSubscription[]>()
  for (const one of subscriptions) groups.set(one.position, [...(groups.get(one.position) ?? []), one])
  return groups
}
