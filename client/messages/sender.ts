import type { Connection } from '../connection/connection.ts'
import type { EncodedFrame } from '../transports/transport.ts'
import type { Restored } from './restored.ts'
import type { SendQueue } from './send-queue.ts'

/** While the connection buffers more bytes than this, messages stay in the queue and `maxQueue` applies. */
const MAX_BUFFERED_BYTES = 1024 * 1024

/** How often the client looks whether the connection has sent enough to take more, in milliseconds. */
const BUFFER_CHECK_MS = 50

/**
 * Sends frames over the connection in use: joins of rooms and requests for subscriptions first, then the messages in the
 * queue. Frames that exceed the server's rates or the connection's buffer wait, in their order.
 */
export class Sender {
  readonly #restored: Restored
  readonly #queue: SendQueue
  readonly #connection: (last: boolean) => Connection | undefined
  #scheduled = false
  /** Runs while frames wait for the server's rates, or for room in the connection's buffer. */
  #paceTimer: ReturnType<typeof setTimeout> | undefined

  /** @param connection returns the connection in use; undefined while the client must not send */
  constructor(restored: Restored, queue: SendQueue, connection: (last: boolean) => Connection | undefined) {
    this.#restored = restored
    this.#queue = queue
    this.#connection = connection
  }

  /** Whether a further message leaves in this turn. */
  get isFree(): boolean {
    const connection = this.#connection(false)
    if (!connection || this.#restored.rooms.joining) return false
    // The queue may hold only messages of this turn, which the connection takes now.
    if (connection.buffered + this.#queue.bytes > MAX_BUFFERED_BYTES) this.flush()
    return !this.#paceTimer && connection.buffered <= MAX_BUFFERED_BYTES
  }

  /** Sends in a microtask: the frames of one turn leave in one write. */
  soon(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.flush()
    })
  }

  /** @param last whether the client closes now: frames then wait for nothing */
  flush(last = false): void {
    this.stop()
    const connection = this.#connection(last)
    // A dead connection ends here, and the frames wait for the next one.
    if (!connection?.isAlive()) return
    const { subscriptions, rooms } = this.#restored
    rooms.flush(connection)
    const frames: EncodedFrame[] = []
    let { buffered } = connection
    for (;;) {
      const request = subscriptions.requests.peek()
      // Messages of a member must arrive after its joins.
      const frame = request ?? (rooms.joining && !last ? undefined : this.#queue.peek())
      if (!frame) break
      const isFull = buffered > MAX_BUFFERED_BYTES && !last
      const wait = isFull ? BUFFER_CHECK_MS : connection.reserve(frame, last)
      if (wait > 0) {
        this.#paceTimer = setTimeout(() => this.flush(), wait)
        break
      }
      frames.push(frame)
      buffered += frame.bytes
      if (request) subscriptions.requests.shift()
      else this.#queue.shift(connection)
    }
    if (frames.length > 0) connection.write(frames)
  }

  stop(): void {
    clearTimeout(this.#paceTimer)
    this.#paceTimer = undefined
  }
}
