import { WebSocket } from 'ws'
import { answer } from '../ipc.mjs'
import { raisePriority } from '../priority.mjs'
import { protocols } from './peers.mjs'

raisePriority()

/** Milliseconds between two calls of a client. Its calls are within the default limits. */
const INTERVAL_MS = 50

/** @type {import('./peers.mjs').Protocol} */
let protocol
/** @type {WebSocket[]} */
const sockets = []
/** Send times of the calls without a reply, by id. @type {Map<number, number>} */
const sentAt = new Map()
/** @type {number[]} */
let latencies = []
let calls = 0
let timer = setTimeout(() => {}, 0)
let onReplied = () => {}

/** @param {string} text */
const takeReply = (text) => {
  const id = protocol.replyOf(text)
  const at = id === undefined ? undefined : sentAt.get(id)
  if (id === undefined || at === undefined) throw new Error(`A caller got ${text}`)
  latencies.push(performance.now() - at)
  sentAt.delete(id)
  if (sentAt.size === 0) onReplied()
}

/** Opens a client that only makes calls. @param {number} port @returns {Promise<void>} */
const open = (port) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${protocol.path('')}`, { perMessageDeflate: false })
  sockets.push(socket)
  return new Promise((resolve) => {
    let isOpen = false
    const peer = {
      room: 'rooms/none',
      position: undefined,
      pid: undefined,
      send: (/** @type {string} */ text) => socket.send(text),
      received() {},
      opened() {
        isOpen = true
        resolve()
      },
    }
    socket.on('message', (data) => (isOpen ? takeReply(String(data)) : protocol.take(peer, String(data))))
  })
}

answer({
  /** @param {{ kind: string, port: number, count: number }} input */
  async open({ kind, port, count }) {
    protocol = /** @type {import('./peers.mjs').Protocol} */ (protocols[kind])
    for (let n = 0; n < count; n++) await open(port)
  },
  /** Begins to call, each client in turn. */
  begin() {
    const begun = performance.now()
    const first = calls
    latencies = []
    timer = setInterval(() => {
      const due = first + ((performance.now() - begun) / INTERVAL_MS) * sockets.length
      while (calls < due) {
        const id = ++calls
        sentAt.set(id, performance.now())
        sockets[id % sockets.length]?.send(protocol.call(id))
      }
    }, 1)
  },
  /** Ends the calls. Resolves with the latencies of all, in ms. */
  async end() {
    clearInterval(timer)
    if (sentAt.size > 0) {
      await new Promise((resolve) => {
        onReplied = () => resolve(undefined)
      })
    }
    return latencies
  },
})
