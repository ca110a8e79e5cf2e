import { RookeryError } from '../../core/protocol/errors.ts'
import type { ReplyFrame } from '../../core/protocol/protocol.ts'
import { assertTopic, isReserved } from '../../core/topics/topic.ts'
import type { Link } from '../connection/connection.ts'
import { encode } from '../transports/frames.ts'
import type { EncodedFrame } from '../transports/transport.ts'

interface PendingCall {
  /** The connection that it was sent over; undefined while it waits. */
  via: Link | undefined
  resolve(payload: unknown): void
  reject(error: RookeryError): void
  /** Lets go of the timer and the signal. */
  release(): void
}

/** How long the answer to a question of the client's own may take, in milliseconds. */
const ANSWER_LIMIT = 3_000

/** Nobody can have subscribed to it: giving it up changes nothing, and is answered all the same. */
const NOTHING = ['$']

export interface CallLimits {
  /** In milliseconds. */
  readonly timeout: number
  readonly signal: AbortSignal | undefined
}

/** What the application sends: messages that wait to go out, and calls that wait for an answer. */
export class Outbox {
  /** In the order of handing over. A call is here under its id until it is sent. */
  readonly #queue = new Map<number, EncodedFrame>()
  readonly #calls = new Map<number, PendingCall>()
  readonly #onSettled: () => void
  #lastId = 0
  /** Largest frame that the server takes, in bytes, as far as it has said so. */
  #maxPayload = Number.POSITIVE_INFINITY

  /** @param onSettled called when a call has been answered or given up */
  constructor(onSettled: () => void) {
    this.#onSettled = onSettled
  }

  /** A number for a question to the server, different from all before. */
  nextId(): number {
    return ++this.#lastId
  }

  /** Messages that wait to go out. */
  get waiting(): number {
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
    return this.#expect(id, { timeout, signal })
  }

  /**
   * Takes the server's limit, which ends the connection of who exceeds it: messages above it are dropped.
   *
   * @returns the errors of those that are no call, and so have nobody to tell
   */
  limit(maxPayload: number): RookeryError[] {
    this.#maxPayload = maxPayload
    const untold: RookeryError[] = []
    for (const [key, message] of this.#queue) {
      try {
        assertFits(message, maxPayload)
      } catch (error) {
        this.#queue.delete(key)
        const call = this.#take(key)
        if (call) call.reject(error as RookeryError)
        else untold.push(error as RookeryError)
      }
    }
    return untold
  }

  /** Everything that waits to go out, which from now on counts as sent over a connection. */
  take(via: Link): EncodedFrame[] {
    const frames = [...this.#queue.values()]
    for (const id of this.#queue.keys()) {
      const call = this.#calls.get(id)
      if (call) call.via = via
    }
    this.#queue.clear()
    return frames
  }

  /** Sends questions past the queue; resolves when all have been answered, and rejects if one is refused. */
  async ask(link: Link, questions: readonly EncodedFrame[], timeout = ANSWER_LIMIT): Promise<void> {
    const limits = { timeout, signal: undefined }
    const answers = questions.map(({ frame }) => this.#expect(frame.id as number, limits, link))
    link.send(questions)
    await Promise.all(answers)
  }

  /**
   * Resolves when the server has handled everything sent over a connection before, and what it published before that
   * has come: it handles the frames of a session in order, and answers in order with what it sends.
   */
  settle(link: Link): Promise<void> {
    return this.ask(link, [encode({ type: 'unsubscribe', id: this.nextId(), topics: NOTHING })])
  }

  /** Whether a call that was sent over a connection has no answer yet. */
  waitsFor(via: Link): boolean {
    return [...this.#calls.values()].some((call) => call.via === via)
  }

  /** Settles the call that a reply is for; a call that was given up has none. */
  answer({ id, payload, error }: ReplyFrame): void {
    const call = this.#take(id)
    if (error) call?.reject(RookeryError.from(error))
    else call?.resolve(payload)
  }

  /** A connection was lost: what became of the calls sent over it is unknown. */
  disconnect(via: Link, cause: RookeryError): void {
    for (const [id, call] of [...this.#calls]) {
      if (call.via !== via) continue
      this.#take(id)?.reject(new RookeryError('disconnected', undefined, { cause }))
    }
  }

  /** Drops everything that waits, and rejects all calls. */
  clear(error: RookeryError): void {
    this.#queue.clear()
    for (const id of [...this.#calls.keys()]) this.#take(id)?.reject(error)
  }

  #expect(id: number, { timeout, signal }: CallLimits, via?: Link): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const giveUp = (error: RookeryError) => {
        this.#queue.delete(id)
        this.#take(id)?.reject(error)
      }
      const timer = setTimeout(() => {
        giveUp(new RookeryError('call_timeout', `No answer came within ${timeout} ms`))
      }, timeout)
      const onAbort = () => giveUp(aborted(signal))
      signal?.addEventListener('abort', onAbort)
      const release = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
      this.#calls.set(id, { via, resolve, reject, release })
    })
  }

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
  try {
    return encode({ topic, payload, ...(id !== undefined && { id }) })
  } catch (cause) {
    throw new RookeryError('unserializable', undefined, { cause })
  }
}

const assertFits = ({ text }: EncodedFrame, maxPayload: number): void => {
  // A UTF-16 unit takes at most three bytes, so short frames need no counting.
  if (text.length * 3 <= maxPayload) return
  const bytes = new TextEncoder().encode(text).length
  if (bytes <= maxPayload) return
  throw new RookeryError('payload_too_large', `The frame has ${bytes} bytes, the server takes ${maxPayload}`)
}

const aborted = (signal: AbortSignal | undefined): RookeryError =>
  new RookeryError('aborted', undefined, { cause: signal?.reason })
