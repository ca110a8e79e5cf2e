import type { Frame } from '../protocol/frame.ts'
import type { Wire } from './transport.ts'

const NONE: Frame[] = []

/** What waits for a peer at most, and what happens when it is more. */
export interface OutboxLimits {
  /** Bytes. */
  readonly maxBuffered: number
  readonly slowConsumer: 'disconnect' | 'drop'
}

/** What an outbox tells its owner. */
export interface OutboxEvents {
  /** The peer does not keep up, and should go. */
  tooSlow(): void
  /** Frames found no room and are not sent. */
  dropped(count: number): void
  /** The wire threw, which it must not: nothing can be written to it any more. */
  broken(error: unknown): void
}

/** Writes all outboxes that have something in them, once a turn of the event loop. */
export class Flusher {
  #waiting: Outbox[] = []

  /** Has an outbox flushed when this turn's I/O has been handled. */
  add(outbox: Outbox): void {
    if (this.#waiting.push(outbox) === 1) setImmediate(this.flush)
  }

  /** Flushes now whatever waits for the end of the turn. */
  readonly flush = (): void => {
    const waiting = this.#waiting
    this.#waiting = []
    for (const outbox of waiting) outbox.flush()
  }
}

/**
 * Frames on their way to one connection. Those pushed within one turn of the event loop leave in one write.
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

  /** Adds a frame. The same frame twice in a row is one: several patterns of a session may match one event. */
  push(frame: Frame): void {
    if (this.#held && !this.#hold(frame)) return
    const frames = this.#frames
    const length = frames.length
    if (length === 0) {
      this.#frames = [frame]
      if (!this.#held) this.#flusher.add(this)
    } else if (frames[length - 1] !== frame) {
      frames.push(frame)
    }
  }

  /** Nothing leaves before the welcome: what hooks have sent meanwhile has the same limits. */
  #hold(frame: Frame): boolean {
    const { slowConsumer, maxBuffered } = this.#limits
    const bytes = this.#heldBytes + frame.text.length
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

  /** Lets frames out from now on, this one first. */
  release(first: Frame): void {
    const frames = this.#frames
    this.#frames = [first, ...frames]
    this.#held = false
    this.#flusher.add(this)
  }

  /** Writes what is waiting. */
  flush(): void {
    const frames = this.#frames
    if (frames.length === 0 || this.#held) return
    this.#frames = NONE
    if (this.#hasRoom(frames)) this.write(frames)
    else this.#overflow(frames)
  }

  /** Forgets what is waiting and writes a last frame instead, whatever else may be buffered. */
  finish(last: Frame): void {
    const frames = this.#held ? [] : this.#frames
    this.#frames = NONE
    this.#held = true
    this.write(this.#hasRoom(frames) ? [...frames, last] : [last])
  }

  /** Forgets what is waiting; nothing leaves any more. */
  drop(): void {
    this.#frames = NONE
    this.#held = true
  }

  /** Writes frames now. One wire that fails must not keep the others of a turn from being written. */
  write(frames: readonly Frame[]): void {
    try {
      this.#wire.write(frames)
    } catch (error) {
      this.#events.broken(error)
    }
  }

  /** A peer that has read everything always gets the next flush, however large. */
  #hasRoom(frames: readonly Frame[]): boolean {
    const buffered = this.#wire.buffered
    if (buffered === 0) return true
    let size = buffered
    for (const frame of frames) size += frame.text.length
    return size <= this.#limits.maxBuffered
  }

  #overflow(frames: readonly Frame[]): void {
    const { slowConsumer, maxBuffered } = this.#limits
    const kept = slowConsumer === 'drop' ? frames.filter((frame) => !frame.droppable) : frames
    // What may not be dropped has a limit too: a peer that asks and never reads is no better than a slow one.
    if (slowConsumer === 'disconnect' || this.#wire.buffered > 2 * maxBuffered) {
      this.#events.tooSlow()
      return
    }
    this.#events.dropped(frames.length - kept.length)
    if (kept.length > 0) this.write(kept)
  }
}
