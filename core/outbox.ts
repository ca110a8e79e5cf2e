import type { Frame } from './frame.ts'
import type { Wire } from './transport.ts'

const NONE: Frame[] = []

/** What an outbox tells its owner. */
export interface OutboxEvents {
  /** Frames found no room; they are not kept. */
  overflow(frames: readonly Frame[]): void
  /** The wire threw, which it must not: nothing can be written to it any more. */
  broken(error: unknown): void
}

/** Writes all outboxes that have something in them, once a turn of the event loop. */
export class Flusher {
  #waiting: Outbox[] = []

  /** Has an outbox flushed when this turn's I/O has been handled. */
  add(outbox: Outbox): void {
    if (this.#waiting.push(outbox) === 1) setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
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
  readonly #limit: number
  readonly #events: OutboxEvents
  #frames: Frame[] = NONE
  #held = true
  #heldBytes = 0

  /** @param limit most bytes that may wait for a peer that does not read */
  constructor(wire: Wire, flusher: Flusher, limit: number, events: OutboxEvents) {
    this.#wire = wire
    this.#flusher = flusher
    this.#limit = limit
    this.#events = events
  }

  /** Adds a frame. The same frame twice in a row is one: several patterns of a session may match one event. */
  push(frame: Frame): void {
    if (this.#held) {
      // Nothing leaves before the welcome: what hooks have sent meanwhile has the same limit.
      this.#heldBytes += frame.text.length
      if (this.#heldBytes > this.#limit) {
        this.#events.overflow([frame])
        return
      }
    }
    const frames = this.#frames
    const length = frames.length
    if (length === 0) {
      this.#frames = [frame]
      if (!this.#held) this.#flusher.add(this)
    } else if (frames[length - 1] !== frame) {
      frames.push(frame)
    }
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
    else this.#events.overflow(frames)
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
    return size <= this.#limit
  }
}
