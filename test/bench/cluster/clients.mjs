import { once } from 'node:events'
import { WebSocket } from 'ws'
import { Client } from '../client.mjs'
import { answer, tell } from '../ipc.mjs'
import { clock, FLOW } from './lanes.mjs'
import { measured, receiving } from './roles.mjs'

/** @typedef {{ name: string, port: number, path: string, steps: import('../targets.mjs').Step[] }} Peer */

const received = receiving(tell)
/** Counting clients, by lane. @type {Map<string, { client: Client, size: number }>} */
const counting = new Map()

/** Opens a WebSocket client that records the latencies of messages. @param {Peer} peer */
const time = async ({ name, port, path, steps }) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false })
  const left = [...steps]
  const watch = received.watch(name)
  const opened = new Promise((resolve) => {
    socket.on('message', (data) => {
      const now = clock()
      const text = String(data)
      const step = left.shift()
      if (!step) return watch.hit(text, now)
      if (!text.startsWith(step.after)) throw new Error(`expected ${step.after}, got ${text}`)
      if (step.send !== undefined) socket.send(step.send)
      if (left.length === 0) resolve(undefined)
    })
  })
  await once(socket, 'open')
  if (left.length > 0) await opened
}

/** Opens a bare WebSocket client that counts bytes. @param {Peer} peer */
const count = async ({ name, port, path, steps }) => {
  let next = FLOW.every
  const onReceived = () => {
    const own = /** @type {{ client: Client, size: number }} */ (counting.get(name))
    const messages = Math.floor(own.client.received / own.size)
    if (messages < next) return
    next = (Math.floor(messages / FLOW.every) + 1) * FLOW.every
    tell({ lane: name, count: Math.floor(messages / FLOW.every) * FLOW.every })
  }
  const client = new Client({ port, path, steps }, onReceived, (error) => {
    console.error(error)
    process.exit(1)
  })
  counting.set(name, { client, size: Number.POSITIVE_INFINITY })
  await client.opened
}

/** @param {string} name */
const learn = async (name) => {
  const own = /** @type {{ client: Client, size: number }} */ (counting.get(name))
  const { size, text } = await own.client.probe
  own.size = size
  return text
}

/** @param {{ lane: string, count: number }} input */
const check = ({ lane, count }) => {
  const own = counting.get(lane)
  const counted = own && own.client.received / own.size
  if (counted !== count) throw new Error(`${lane}: ${counted} messages instead of ${count}`)
}

answer({ ...measured, ...received.functions, time, count, learn, check })
