import { PING } from '../protocol/control-frames.ts'
import type { Frame } from '../protocol/frame.ts'
import type { Wire } from './transport.ts'

const NONE: Frame[] = []

/** How much may wait for a peer, and what happens when it is more. */
export interface OutboxLimits {
  /** Bytes. */
  readonly maxBuffered: number
  readonly slowConsumer: 'disconnect' | 'drop' | 'resume'
}

/** Callbacks of an outbox. */
export interface OutboxEvents {
  /** The peer does not keep up, and the session should close. */
  tooSlow(): void
  /** Frames were dropped because the buffer is full. */
  dropped(count: number): void
  /** Kept messages with `after < seq <= upTo` were dropped. Returns whether the session reads them again later. */
  behind(after: number, upTo: number): boolean
  /** The wire threw, which a transport must not do. Nothing more can be written. */
  broken(error: unknown): void
}

/** Flushes all outboxes that hold frames, once a turn of the event loop. */
export class Flusher {
  #waiting: Outbox[] = []

  /** Flushes an outbox after the I/O of this turn. */
  add(outbox: Outbox): void {
    if (this.#waiting.push(outbox) === 1) setImmediate(this.flush)
  }

  /** Flushes now instead of at the end of the turn. */
  readonly flush = (): void => {
    const waiting = this.#waiting
    this.#waiting = []
    for (const outbox of waiting) outbox.flush()
  }
}

/**
 * The queue of frames to one connection. Frames that are pushed within one turn of the event loop leave in one write.
 */
export class Outbox {
  readonly #wire: Wire
  readonly #flusher: Flusher
  readonly #limits: OutboxLimits
  readonly #events: OutboxEvents
  #frames: Frame[] = NONE
  #held = true
  #heldBytes = 0

  constructor(wire: Wire, flusher: Flusher, limits: OutboxLimits, events: OutboxEvents) {
    this.#wire = wire
    this.#flusher = flusher
    this.#limits = limits
    this.#events = events
  }

  /** Adds a frame. */
  push(frame: Frame): void {
    if (this.#held && !this.#hold(frame)) return
    if (this.#frames.length > 0) {
      this.#frames.push(frame)
      return
    }
    this.#frames = [frame]
    if (!this.#held) this.#flusher.add(this)
  }

  /** Counts a frame that waits for the welcome. Returns false if it does not fit. */
  #hold(frame: Frame): boolean {
    const { slowConsumer, maxBuffered } = this.#limits
    const bytes = this.#heldBytes + frame.bytes
    if (bytes > maxBuffered) {
      if (slowConsumer === 'drop' && frame.droppable) {
        this.#events.dropped(1)
        return false
      }
      if (slowConsumer === 'disconnect' || bytes > 2 * maxBuffered) {
        this.#events.tooSlow()
        return false
      }
    }
    this.#heldBytes = bytes
    return true
  }

  /** Sends this frame, then the frames that waited for it, and from now on every frame. */
  release(first: Frame): void {
    const frames = this.#frames
    this.#frames = [first, ...frames]
    this.#held = false
    this.#flusher.add(this)
  }

  /** Writes the queued frames. */
  flush(): void {
    const frames = this.#frames
    if (frames.length === 0 || this.#held) return
    this.#frames = NONE
    if (this.#hasRoom(frames)) this.write(frames)
    else this.#overflow(frames)
  }

  /**
   * Writes the queued frames, if they have not to wait for `welcome` and the buffer has room, then a last frame.
   * Ignores later frames.
   */
  finish(last: Frame): void {
    const frames = this.#held ? [] : this.#frames
    this.#frames = NONE
    this.#held = true
    this.write(this.#hasRoom(frames) ? [...frames, last] : [last])
  }

  /** Drops the queued frames. Later frames are ignored. */
  drop(): void {
    this.#frames = NONE
    this.#held = true
  }

  /** Writes frames now. Catches what the wire throws, so that the other outboxes of the turn are flushed, too. */
  write(frames: readonly Frame[]): void {
    try {
      this.#wire.write(frames)
    } catch (error) {
      this.#events.broken(error)
    }
  }

  /** A peer that has read everything gets the next flush, however large. */
  #hasRoom(frames: readonly Frame[]): boolean {
    const buffered = this.#wire.buffered
    if (buffered === 0) return true
    let size = buffered
    for (const frame of frames) size += frame.bytes
    return size <= this.#limits.maxBuffered
  }

  #overflow(frames: readonly Frame[]): void {
    const left = this.#wire.buffered > 2 * this.#limits.maxBuffered ? undefined : this.#reduced(frames)
    // Frames that cannot be dropped have a limit, too, for a peer that sends requests and never reads the replies.
    if (!left) this.#events.tooSlow()
    else if (left.length > 0) this.write(left)
  }

  /** The frames that have to leave in spite of a full buffer. Undefined if the session has to end. */
  #reduced(frames: readonly Frame[]): readonly Frame[] | undefined {
    const { slowConsumer } = this.#limits
    if (slowConsumer === 'disconnect') return undefined
    if (slowConsumer === 'drop') {
      const left = frames.filter((frame) => !frame.droppable)
      this.#events.dropped(frames.length - left.length)
      return left
    }
    const kept = frames.filter(isKept)
    const first = kept[0]
    const others = frames.filter((frame) => !isKept(frame)).map(withoutPosition)
    // A position that follows the dropped messages would claim that the peer has got them.
    const hasPosition = first !== undefined && others.some((frame) => frame.seq > 0)
    const isTooMuch = others.some((frame) => frame.droppable) && !this.#hasRoom(others)
    if (hasPosition || isTooMuch) return undefined
    if (!first) return others
    return this.#events.behind(first.seq - 1, (kept.at(-1) as Frame).seq) ? others : undefined
  }
}

/** Whether a frame is a kept message of the fan-out. */
const isKept = ({ seq, message }: Frame): boolean =>
  seq > 0 && message.type === undefined && message.replayed !== true

/** A ping without its position. Other frames are returned unchanged. */
const withoutPosition = (frame: Frame): Frame => (frame.message.type === 'ping' ? PING : frame)
