import type { FairQueue, Flow } from '../admission/fair-queue.ts'
import type { RookeryError } from '../protocol/errors.ts'
import type { ClientFrame, InvalidFrame } from '../protocol/protocol.ts'

/** A frame of a client: its text, the parsed frame, or the error that the transport found. */
export type Input = string | ClientFrame | InvalidFrame

/** A frame that has been received. */
export interface Received {
  readonly input: Input
  /** Bytes. */
  readonly size: number
  /** The error with which the frame is answered instead of being handled. */
  readonly refusal: RookeryError | undefined
}

/** The frames of one session that wait until the fair queue serves the session. */
export class FrameQueue {
  readonly #fairQueue: FairQueue
  /** Handles a frame. Returns whether the session is still open. */
  readonly #handle: (frame: Received) => boolean
  /** Created when a frame comes outside of a turn of the fair queue. */
  #flow: Flow | undefined
  #waiting: Received[] = []
  #waitingBytes = 0
  /** Called when all waiting frames have been handled. */
  #whenEmpty: (() => void) | undefined

  constructor(fairQueue: FairQueue, handle: (frame: Received) => boolean) {
    this.#fairQueue = fairQueue
    this.#handle = handle
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** Handles a frame now or in a turn of the fair queue. */
  add(frame: Received): void {
    // A transport that reads in the fair queue calls this in its turn.
    if (this.#fairQueue.serving && this.isEmpty) {
      this.#handle(frame)
      return
    }
    this.#waiting.push(frame)
    this.#waitingBytes += frame.size
    this.#flow ??= this.#fairQueue.flow(() => this.#next())
    this.#flow.ready(this.#waitingBytes)
  }

  /** Calls `act` when all frames so far have been handled, which may be now. */
  afterAll(act: () => void): void {
    if (this.isEmpty) {
      act()
      return
    }
    const earlier = this.#whenEmpty
    this.#whenEmpty = () => {
      earlier?.()
      act()
    }
  }

  /** Handles the oldest waiting frame. Returns whether more frames wait. */
  #next(): boolean {
    const frame = this.#waiting.shift()
    if (!frame) return false
    this.#waitingBytes -= frame.size
    const isOpen = this.#handle(frame)
    if (!this.isEmpty) return isOpen
    this.#whenEmpty?.()
    return false
  }
}
