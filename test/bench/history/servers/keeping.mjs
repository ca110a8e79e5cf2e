import { setTimeout as sleep } from 'node:timers/promises'
import { createApp } from 'rookery'
import { history } from 'rookery/history'
import { answer } from '../../ipc.mjs'

/** Bytes of a payload as JSON. */
const PAYLOAD_BYTES = 200
/** Messages that are published in one turn of the event loop. */
const TURN_MESSAGES = 100

const FIRST_SEQ = 100_000_000
const PADDING = 'x'.repeat(PAYLOAD_BYTES - '{"seq":100000000,"text":""}'.length)

/** Bytes of the heap after garbage collections. */
const heap = async () => {
  for (let n = 0; n < 3; n++) {
    globalThis.gc?.()
    await sleep(50)
  }
  return process.memoryUsage().heapUsed
}

/**
 * Keeps messages in memory. Resolves with the bytes of the heap for each.
 *
 * @param {{ messages: number, topics: number }} input
 */
const keep = async ({ messages, topics }) => {
  const kept = history({ topics: ['rooms/*'], maxMessages: messages, maxBytes: Number.MAX_SAFE_INTEGER })
  const app = createApp({ plugins: [kept], logger: 'error' })
  await app.start()
  const before = await heap()
  for (let n = 0; n < messages; n++) {
    await app.publish(`rooms/${n % topics}`, { seq: FIRST_SEQ + n, text: PADDING })
    if (n % TURN_MESSAGES === 0) await new Promise(setImmediate)
  }
  const after = await heap()
  const { length } = await app.history.read('rooms/0', { since: 'earliest', limit: 1 })
  if (length !== 1) throw new Error('The app has not kept the messages')
  await app.stop()
  return (after - before) / messages
}

answer({ keep })
