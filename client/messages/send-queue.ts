import { RookeryError } from '../../core/protocol/errors.ts'
import type { ReplyFrame } from '../../core/protocol/protocol.ts'
import { assertTopic, isReserved } from '../../core/topics/topic.ts'
import { encodeFrame } from '../transports/frames.ts'
import type { ClientConnection, EncodedFrame } from '../transports/transport.ts'

/** The part of a connection that the queue uses. */
type Connection = Pick<ClientConnection, 'send'>

interface PendingCall {
  /** The connection that the call was sent over; undefined while the call is in the queue. */
  connection: Connection | undefined
  resolve(payload: unknown): void
  reject(error: RookeryError): void
  /** Removes the timer and the listener on the signal. */
  release(): void
}

/** How long the reply to a request of the client itself may take, in milliseconds. */
const REPLY_TIMEOUT_MS = 3_000

/** A reserved pattern, so no client can subscribe to it. The server replies to its `unsubscribe` and changes nothing. */
const UNUSED_PATTERNS = ['$']

export interface CallLimits {
  /** In milliseconds. */
  readonly timeout: number
  readonly signal: AbortSignal | undefined
}

/** The application's messages that are not sent yet, and its calls that have no reply yet. */
export class SendQueue {
  /** In the order in which the application sent them. The key of a call is its id. */
  readonly #queue = new Map<number, EncodedFrame>()
  readonly #calls = new Map<number, PendingCall>()
  readonly #onSettled: () => void
  #lastId = 0
  /** Largest frame that the server accepts, in bytes. Infinity until the server has announced it. */
  #maxPayload = Number.POSITIVE_INFINITY

  /** @param onSettled called when a call has a reply or is given up */
  constructor(onSettled: () => void) {
    this.#onSettled = onSettled
  }

  /** Returns a new id for a request to the server. */
  nextId(): number {
    return ++this.#lastId
  }

  /** Number of messages in the queue. */
  get size(): number {
    return this.#queue.size
  }

  /** @throws `invalid_topic`, `reserved_topic`, `unserializable`, `payload_too_large` */
  send(topic: string, payload: unknown): void {
    const message = encodeMessage(topic, payload)
    assertFits(message, this.#maxPayload)
    this.#queue.set(this.nextId(), message)
  }

  /** @throws `invalid_topic`, `reserved_topic`, `unserializable`, `payload_too_large`, `aborted` */
  call(topic: string, payload: unknown, { timeout, signal }: CallLimits): Promise<unknown> {
    const id = this.nextId()
    const message = encodeMessage(topic, payload, id)
    assertFits(message, this.#maxPayload)
    if (signal?.aborted) throw aborted(signal)
    this.#queue.set(id, message)
    return this.#waitForReply(id, { timeout, signal })
  }

  /**
   * Sets the server's limit and drops the queued messages that exceed it: the server would close the connection. A
   * dropped call rejects.
   *
   * @param maxPayload in bytes
   * @returns the errors of the dropped messages that are no calls
   */
  limit(maxPayload: number): RookeryError[] {
    this.#maxPayload = maxPayload
    const errors: RookeryError[] = []
    for (const [key, message] of this.#queue) {
      try {
        assertFits(message, maxPayload)
      } catch (error) {
        this.#queue.delete(key)
        const call = this.#take(key)
        if (call) call.reject(error as RookeryError)
        else errors.push(error as RookeryError)
      }
    }
    return errors
  }

  /** Empties the queue and returns its frames. Their calls count as sent over the connection. */
  take(connection: Connection): EncodedFrame[] {
    const frames = [...this.#queue.values()]
    for (const id of this.#queue.keys()) {
      const call = this.#calls.get(id)
      if (call) call.connection = connection
    }
    this.#queue.clear()
    return frames
  }

  /**
   * Sends requests of the client itself, ahead of the queue. Resolves when each request has a reply.
   *
   * @param requests frames with an id of `nextId()`
   * @param timeout in milliseconds
   * @throws the error of a reply, `call_timeout`, `disconnected`
   */
  async request(
    connection: Connection,
    requests: readonly EncodedFrame[],
    timeout = REPLY_TIMEOUT_MS,
  ): Promise<void> {
    const limits = { timeout, signal: undefined }
    const replies = requests.map(({ frame }) => this.#waitForReply(frame.id as number, limits, connection))
    connection.send(requests)
    await Promise.all(replies)
  }

  /**
   * Resolves when the server has handled all frames sent over the connection before, and the messages that it published
   * before that have arrived: the server handles the frames of a session in order, and its replies keep their order with
   * its messages.
   *
   * @throws as `request`
   */
  barrier(connection: Connection): Promise<void> {
    const request = encodeFrame({ type: 'unsubscribe', id: this.nextId(), topics: UNUSED_PATTERNS })
    return this.request(connection, [request])
  }

  /** Whether a call that was sent over the connection has no reply yet. */
  hasCalls(connection: Connection): boolean {
    return [...this.#calls.values()].some((call) => call.connection === connection)
  }

  /** Settles the call that the reply belongs to. Ignores the reply to a call that was given up. */
  onReply({ id, payload, error }: ReplyFrame): void {
    const call = this.#take(id)
    if (error) call?.reject(RookeryError.from(error))
    else call?.resolve(payload)
  }

  /** Rejects the calls that were sent over a lost connection with `disconnected`: the server may have handled them. */
  rejectSent(connection: Connection, cause: RookeryError): void {
    for (const [id, call] of [...this.#calls]) {
      if (call.connection !== connection) continue
      this.#take(id)?.reject(new RookeryError('disconnected', undefined, { cause }))
    }
  }

  /** Drops all queued messages and rejects all calls. */
  clear(error: RookeryError): void {
    this.#queue.clear()
    for (const id of [...this.#calls.keys()]) this.#take(id)?.reject(error)
  }

  #waitForReply(id: number, { timeout, signal }: CallLimits, connection?: Connection): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const giveUp = (error: RookeryError) => {
        this.#queue.delete(id)
        this.#take(id)?.reject(error)
      }
      const timer = setTimeout(() => {
        giveUp(new RookeryError('call_timeout', `No reply within ${timeout} ms`))
      }, timeout)
      const onAbort = () => giveUp(aborted(signal))
      signal?.addEventListener('abort', onAbort)
      const release = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
      this.#calls.set(id, { connection, resolve, reject, release })
    })
  }

  /** Removes a pending call and releases its timer and signal. */
  #take(id: number): PendingCall | undefined {
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    call?.release()
    this.#onSettled()
    return call
  }
}

const encodeMessage = (topic: string, payload: unknown, id?: number): EncodedFrame => {
  assertTopic(topic)
  if (isReserved(topic)) throw new RookeryError('reserved_topic')
  return encodeFrame({ topic, payload, ...(id !== undefined && { id }) })
}

const assertFits = ({ text }: EncodedFrame, maxPayload: number): void => {
  // A UTF-16 unit takes at most three bytes in UTF-8, so a short frame fits without an exact count.
  if (text.length * 3 <= maxPayload) return
  const bytes = new TextEncoder().encode(text).length
  if (bytes <= maxPayload) return
  throw new RookeryError('payload_too_large', `The frame has ${bytes} bytes, the limit is ${maxPayload}`)
}

const aborted = (signal: AbortSignal | undefined): RookeryError =>
  new RookeryError('aborted', undefined, { cause: signal?.reason })
