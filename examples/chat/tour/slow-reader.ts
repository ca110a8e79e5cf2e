import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { App } from 'rookery'
import { WebSocket } from 'ws'
import type { ChatContract } from '../contract.ts'

/** Longest time until the reader must have all messages, in milliseconds. */
const CATCH_UP_MS = 30_000
const MESSAGES = 12_000
const BATCH = 200
const BATCH_INTERVAL_MS = 50
const PADDING = 'x'.repeat(1000)

/** What a client that did not read for a while got. */
export interface SlowReaderReport {
  readonly messages: number
  readonly megabytes: number
  /** Milliseconds without a read. */
  readonly paused: number
  /** Milliseconds from the next read to the last message. */
  readonly caughtUp: number
  /** Messages that were lost, doubled or out of order. */
  readonly wrong: number
}

interface Frame {
  readonly type?: string
  readonly topic?: string
  readonly payload?: { readonly n: number }
}

/**
 * Connects a client that stops to read while 12 MB are published to it, and then reads again. With `slowConsumer: 'resume'`, the
 * server keeps at most `limits.maxBuffered` for it (1 MiB) and reads the rest from the history later.
 *
 * @throws Error if the client has not got all messages after 30 s
 */
export const runSlowReader = async (app: App<ChatContract>, url: string): Promise<SlowReaderReport> => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/ws`)
  try {
    const { promise: done, received, ready } = readNumbers(socket)
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'subscribe', id: 1, topics: ['tour/flood'] }))
    await ready
    socket.pause()
    const start = performance.now()
    for (let n = 0; n < MESSAGES; ) {
      const batch = Array.from({ length: BATCH }, () =>
        app.publish('tour/flood', { n: n++, padding: PADDING }),
      )
      await Promise.all([...batch, delay(BATCH_INTERVAL_MS)])
    }
    const paused = performance.now() - start
    socket.resume()
    const late = new AbortController()
    const timeout = delay(CATCH_UP_MS, undefined, { signal: late.signal }).then(() => {
      throw new Error(`The slow reader got ${received.count} of ${MESSAGES} messages in ${CATCH_UP_MS} ms`)
    })
    timeout.catch(() => {})
    await Promise.race([done, timeout]).finally(() => late.abort())
    return {
      messages: received.count,
      megabytes: Math.round((MESSAGES * PADDING.length) / 1e6),
      paused: Math.round(paused),
      caughtUp: Math.round(performance.now() - start - paused),
      wrong: received.wrong,
    }
  } finally {
    socket.terminate()
  }
}

/** Counts the numbers that arrive. `ready` resolves with the reply to `subscribe`, `promise` with the last number. */
const readNumbers = (socket: WebSocket) => {
  const received = { count: 0, wrong: 0 }
  let isReady = (): void => {}
  let isDone = (): void => {}
  const ready = new Promise<void>((resolve) => {
    isReady = resolve
  })
  const promise = new Promise<void>((resolve, reject) => {
    isDone = resolve
    socket.once('close', () => reject(new Error('The server closed the connection of the slow reader')))
    socket.once('error', reject)
  })
  promise.catch(() => {})
  socket.on('message', (data) => {
    const { type, topic, payload } = JSON.parse(String(data)) as Frame
    if (type === 'reply') isReady()
    if (topic !== 'tour/flood') return
    if (payload?.n !== received.count) received.wrong++
    if (++received.count === MESSAGES) isDone()
  })
  return { promise, received, ready }
}
