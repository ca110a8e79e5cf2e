import { connect } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer } from '../ipc.mjs'
import { raisePriority } from '../priority.mjs'
import { quantile } from '../stats.mjs'
import { frameOf, takeFrames, upgradeOf } from './frames.mjs'

raisePriority()

/** Number of clients in a room. */
const ROOM_SIZE = 50
/** Time between two messages of a client, in ms. */
const MESSAGE_INTERVAL_MS = 1000

/** @type {{ socket: import('node:net').Socket, room: number }[]} */
const clients = []
/** @type {number[]} */
let times = []
let sent = 0
/** @type {NodeJS.Timeout | undefined} */
let timer

/** @param {string} why */
const failed = (why) => {
  console.error(`an honest client was harmed: ${why}`)
  process.exit(1)
}

/**
 * Opens a client that stays connected and records the latency of every message.
 *
 * @param {string} host
 * @param {number} port
 * @param {number} index
 */
const open = (host, port, index) =>
  new Promise((resolve) => {
    const room = Math.floor(index / ROOM_SIZE)
    const socket = connect({ port, host })
    socket.setNoDelay()
    let upgraded = false
    let unread = Buffer.alloc(0)
    socket.on('error', (error) => failed(error.message))
    socket.on('close', () => failed('its connection was closed'))
    socket.on('data', (data) => {
      unread = unread.length > 0 ? Buffer.concat([unread, data]) : data
      if (!upgraded) {
        const end = unread.indexOf('\r\n\r\n')
        if (end < 0) return
        upgraded = true
        unread = unread.subarray(end + 4)
      }
      unread = takeFrames(unread, (text) => {
        const at = text.indexOf('"at":')
        if (at >= 0) times.push(performance.now() - Number.parseFloat(text.slice(at + 5)))
        else if (text.startsWith('{"type":"welcome"')) resolve(undefined)
        else if (!text.startsWith('{"type":"ping"')) failed(text)
      })
    })
    socket.write(upgradeOf(`?username=honest${index}&roomID=room${room}`))
    clients.push({ socket, room })
  })

/**
 * Opens all clients. Each sends one message per second, evenly spread.
 *
 * @param {{ host: string, port: number, connections: number }} input
 */
const start = async ({ host, port, connections }) => {
  for (let index = 0; index < connections; index++) await open(host, port, index)
  const begun = performance.now()
  timer = setInterval(() => {
    const due = ((performance.now() - begun) / MESSAGE_INTERVAL_MS) * connections
    while (sent < due) {
      clients[sent++ % connections]?.socket.write(
        frameOf({ topic: 'say', payload: { at: performance.now() } }),
      )
    }
  }, 2)
}

const delay = monitorEventLoopDelay({ resolution: 2 })
delay.enable()
let counted = 0
let received = 0

/** Begins to measure. Ignores everything received before, because processing it would take time. */
const reset = () => {
  const taken = times
  times = []
  received += taken.length
  counted = sent
  delay.reset()
  return taken
}

/** Latencies since the last report, in ms, and the numbers of sent and received messages. */
const report = () => {
  const before = counted
  const own = [delay.percentile(99) / 1e6, delay.max / 1e6]
  const now = sent
  const taken = reset()
  return {
    own,
    p50: quantile(taken, 0.5),
    p99: quantile(taken, 0.99),
    max: quantile(taken, 1),
    sent: now - before,
    received: taken.length,
  }
}

/** Stops sending. After a while, resolves with the number of messages that have not reached every client in the room. */
const stop = async () => {
  clearInterval(timer)
  for (let waited = 0; received + times.length < sent * ROOM_SIZE && waited < 5000; waited += 50)
    await sleep(50)
  return sent * ROOM_SIZE - received - times.length
}

answer({ start, reset: () => void reset(), report, stop })
