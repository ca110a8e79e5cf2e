import { RookeryError } from '../core/errors.ts'
import type { ReplyFrame } from '../core/protocol.ts'
import { assertTopic, isReserved } from '../core/topic.ts'
import { encode } from './frames.ts'
import type { EncodedFrame } from './transport.ts'

interface PendingCall {
  resolve(payload: unknown): void
  reject(error: RookeryError): void
  /** Lets go of the timer and the signal. */
  release(): void
}

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
  /** Largest frame that the server takes, in bytes, as far as it has said so. */
  #maxPayload = Number.POSITIVE_INFINITY

  /** Messages that wait to go out. */
  get waiting(): number {
    return this.#queue.size
  }

  /** @throws `invalid_topic`, `reserved_topic`, `unserializable`, `payload_too_large` */
  send(key: number, topic: string, payload: unknown): void {
    const message = encodeMessage(topic, payload)
    assertFits(message, this.#maxPayload)
    this.#queue.set(key, message)
  }

  /** @throws `invalid_topic`, `reserved_topic`, `unserializable`, `payload_too_large`, `aborted` */
  call(id: number, topic: string, payload: unknown, { timeout, signal }: CallLimits): Promise<unknown> {
    const message = encodeMessage(topic, payload, id)
    assertFits(message, this.#maxPayload)
    if (signal?.aborted) throw aborted(signal)
    this.#queue.set(id, message)
    return new Promise((resolve, reject) => {
      const giveUp = (error: RookeryError) => {
        this.#queue.delete(id)
        this.#take(id)?.reject(error)
      }
      const timer = setTimeout(() => {
        giveUp(new RookeryError('call_timeout', `No answer to ${topic} came within ${timeout} ms`))
      }, timeout)
      const onAbort = () => giveUp(aborted(signal))
      signal?.addEventListener('abort', onAbort)
      const release = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
      this.#calls.set(id, { resolve, reject, release })
    })
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

  /** Everything that waits to go out, which from now on counts as sent. */
  take(): EncodedFrame[] {
    const frames = [...this.#queue.values()]
    this.#queue.clear()
    return frames
  }

  /** Settles the call that a reply is for; a call that was given up has none. */
  answer({ id, payload, error }: ReplyFrame): void {
    const call = this.#take(id)
    if (error) call?.reject(RookeryError.from(error))
    else call?.resolve(payload)
  }

  /** The connection was lost: what became of the calls already sent is unknown. */
  disconnect(cause: RookeryError): void {
    for (const id of [...this.#calls.keys()]) {
      if (!this.#queue.has(id))
        this.#take(id)?.reject(
          new RookeryError('disconnected', 'The connection was lost before an answer came', { cause }),
        )
    }
  }

  /** Drops everything that waits, and rejects all calls. */
  clear(error: RookeryError): void {
    this.#queue.clear()
    for (const id of [...this.#calls.keys()]) this.#take(id)?.reject(error)
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    call?.release()
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
