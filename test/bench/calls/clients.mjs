import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { frameOf, takeFrames, upgradeOf } from '../attack/frames.mjs'
import { answer } from '../ipc.mjs'
import { quantile } from '../stats.mjs'

/** Clients whose calls cost the server CPU time, and the calls per second of each. Within the default limits. */
const BUSY = { clients: 300, rate: 8 }
/** Clients that make small calls, and the calls per second of each. */
const TINY = { clients: 10, rate: 2 }
/** Bytes of a call. */
const CALL_BYTES = 3000
/** Time before a round is measured, in ms. */
const SETTLE_MS = 500
/** Time within which all replies must arrive after a round, in ms. */
const REPLY_LIMIT_MS = 10_000

const padding = 'x'.repeat(CALL_BYTES - '{"topic":"work","id":100000,"payload":""}'.length)

/** Send times of the small calls without a reply yet, by id. @type {Map<number, number>} */
const sentAt = new Map()
/** @type {number[]} */
let latencies = []
let sent = 0
let replies = 0

/** @param {string} text */
const take = (text) => {
  if (!text.startsWith('{"type":"reply"')) {
    if (/^\{"type":"(welcome|ping)"/.test(text)) return
    throw new Error(`an honest client got ${text}`)
  }
  replies++
  const { id } = JSON.parse(text)
  const at = sentAt.get(id)
  if (at === undefined) return
  latencies.push(performance.now() - at)
  sentAt.delete(id)
}

/** @param {number} port */
const open = async (port) => {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.setNoDelay()
  socket.write(upgradeOf())
  const [head] = await once(socket, 'data')
  if (head.toString('latin1', 9, 12) !== '101') throw new Error(String(head))
  let unread = head.subarray(head.indexOf('\r\n\r\n') + 4)
  unread = takeFrames(unread, take)
  socket.on('data', (data) => {
    unread = takeFrames(Buffer.concat([unread, data]), take)
  })
  socket.on('close', () => {
    throw new Error('the server closed an honest connection')
  })
  return socket
}

/** @type {import('node:net').Socket[]} */
const busy = []
/** @type {import('node:net').Socket[]} */
const tiny = []

/** @param {number} port */
const start = async (port) => {
  for (let count = 0; count < BUSY.clients; count++) busy.push(await open(port))
  for (let count = 0; count < TINY.clients; count++) tiny.push(await open(port))
}

/**
 * Makes the due calls of both kinds.
 *
 * @param {number} seconds since the beginning
 * @param {{ busy: number, tiny: number }} called
 */
const callDue = (seconds, called) => {
  while (called.busy < seconds * BUSY.rate * BUSY.clients) {
    busy[called.busy++ % busy.length]?.write(frameOf({ topic: 'work', id: 0, payload: padding }))
    sent++
  }
  while (called.tiny < seconds * TINY.rate * TINY.clients) {
    const id = ++called.tiny
    sentAt.set(id, performance.now())
    tiny[id % tiny.length]?.write(frameOf({ topic: 'tiny', id, payload: 1 }))
    sent++
  }
}

/** Makes calls for a while. Resolves with the number of replies in that time. @param {number} millis */
const run = async (millis) => {
  const called = { busy: 0, tiny: 0 }
  const begun = performance.now()
  const timer = setInterval(() => callDue((performance.now() - begun) / 1000, called), 2)
  await sleep(SETTLE_MS)
  latencies = []
  const before = { sent, replies, at: performance.now() }
  await sleep(millis)
  const seconds = (performance.now() - before.at) / 1000
  const seen = { calls: (replies - before.replies) / seconds, asked: (sent - before.sent) / seconds }
  clearInterval(timer)
  const end = performance.now() + REPLY_LIMIT_MS
  while (replies < sent && performance.now() < end) await sleep(10)
  if (replies !== sent) throw new Error(`${sent - replies} calls got no reply`)
  return { ...seen, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
}

answer({ start, run })
