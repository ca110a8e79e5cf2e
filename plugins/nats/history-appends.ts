import { createHash } from 'node:crypto'
import {
  createInbox,
  headers,
  type Msg,
  type NatsConnection,
  type Subscription,
} from '@nats-io/transport-node'
import type { NewMessage } from '../../core/history/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { optionsOf } from './client-internals.ts'
import { encodeStored } from './history-message.ts'

/** Bounds of the messages that JetStream has not confirmed. */
const MAX_OUTSTANDING = 4_096
const MAX_OUTSTANDING_BYTES = 32 * 1024 * 1024
/** Longest time that JetStream may take to confirm a message. */
const CONFIRM_WAIT_MS = 5_000
/** Bytes that the headers of a message take. NATS counts them as part of the payload. */
const HEADERS_BYTES = 100
/** JetStream refuses a message that is larger than its stream allows. */
const MESSAGE_TOO_LARGE = 10054
/** The status by which NATS says that no stream takes the subject. */
const NO_RESPONDERS_STATUS = 503

interface Outstanding {
  readonly bytes: number
  /** As of `performance.now()`. */
  readonly until: number
  resolve(seq: number): void
  reject(error: RookeryError): void
}

/** The answer of JetStream to a message. */
interface Confirmation {
  readonly seq?: number
  readonly error?: { readonly err_code?: number; readonly description?: string }
}

export const historyUnavailable = (message: string, cause?: unknown): RookeryError =>
  new RookeryError('history_unavailable', message, { cause })

/**
 * Stores messages and waits for their confirmations. All confirmations come through one subscription, and one timer is for all
 * of them. Nothing is sent twice.
 */
export class HistoryAppends {
  readonly #nats: NatsConnection
  readonly #subject: string
  readonly #inbox: string
  readonly #subscription: Subscription
  /** In the order of sending. */
  readonly #outstanding = new Map<string, Outstanding>()
  /** Called when no stream takes the messages. */
  readonly #streamGone: () => void
  #bytes = 0
  #count = 0
  #timer: NodeJS.Timeout | undefined

  constructor(nats: NatsConnection, subject: string, streamGone: () => void) {
    this.#nats = nats
    this.#subject = subject
    this.#streamGone = streamGone
    this.#inbox = createInbox(optionsOf(nats)?.inboxPrefix)
    this.#subscription = nats.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (!error) this.#confirmed(message)
      },
    })
  }

  /** @throws `history_unavailable`, `payload_too_large` */
  append(message: NewMessage, id?: string): Promise<number> {
    const text = encodeStored(message)
    const bytes = Buffer.byteLength(text)
    const maxPayload = this.#nats.info?.max_payload ?? Number.POSITIVE_INFINITY
    if (bytes + HEADERS_BYTES > maxPayload) {
      const detail = `The message has ${bytes} bytes, and NATS takes ${maxPayload - HEADERS_BYTES}`
      return Promise.reject(new RookeryError('payload_too_large', detail))
    }
    if (this.#outstanding.size >= MAX_OUTSTANDING || this.#bytes > MAX_OUTSTANDING_BYTES) {
      return Promise.reject(historyUnavailable('JetStream does not take messages fast enough'))
    }
    return new Promise((resolve, reject) => {
      const number = String(++this.#count)
      try {
        const reply = `${this.#inbox}.${number}`
        this.#nats.publish(this.#subject, text, { reply, ...(id !== undefined && { headers: idHeader(id) }) })
      } catch (cause) {
        reject(historyUnavailable('the connection to NATS is closed', cause))
        return
      }
      this.#bytes += bytes
      this.#outstanding.set(number, { bytes, until: performance.now() + CONFIRM_WAIT_MS, resolve, reject })
      this.#timer ??= setTimeout(this.#expire, CONFIRM_WAIT_MS).unref()
    })
  }

  /** Rejects all messages that are not confirmed: whether they are stored is unknown. */
  fail(error: RookeryError): void {
    for (const [number] of this.#outstanding) this.#take(number)?.reject(error)
  }

  close(): void {
    this.fail(historyUnavailable('the history was stopped'))
    clearTimeout(this.#timer)
    this.#subscription.unsubscribe()
  }

  #take(number: string): Outstanding | undefined {
    const found = this.#outstanding.get(number)
    if (found) this.#bytes -= found.bytes
    this.#outstanding.delete(number)
    return found
  }

  #confirmed(message: Msg): void {
    const waiting = this.#take(message.subject.slice(this.#inbox.length + 1))
    if (!waiting) return
    if (message.headers?.code === NO_RESPONDERS_STATUS) {
      waiting.reject(historyUnavailable('JetStream has no stream for the history'))
      this.#streamGone()
      return
    }
    try {
      const { seq, error } = message.json<Confirmation>()
      if (seq !== undefined && !error) waiting.resolve(seq)
      else waiting.reject(refusal(error))
    } catch (cause) {
      waiting.reject(historyUnavailable('JetStream gave no valid answer', cause))
    }
  }

  readonly #expire = (): void => {
    this.#timer = undefined
    const now = performance.now()
    for (const [number, { until }] of this.#outstanding) {
      if (until > now) {
        this.#timer = setTimeout(this.#expire, until - now).unref()
        return
      }
      this.#take(number)?.reject(
        historyUnavailable(`JetStream did not confirm a message within ${CONFIRM_WAIT_MS} ms`),
      )
    }
  }
}

/** The hash has a bounded length, and an id may have any characters. */
const idHeader = (id: string) => {
  const header = headers()
  header.set('Nats-Msg-Id', createHash('sha256').update(id).digest('base64url'))
  return header
}

const refusal = (error: Confirmation['error']): RookeryError => {
  const description = `JetStream refuses a message: ${error?.description ?? 'without a reason'}`
  return error?.err_code === MESSAGE_TOO_LARGE
    ? new RookeryError('payload_too_large', description)
    : historyUnavailable(description)
}
