import { frameOf, upgradeOf } from './frames.mjs'

/**
 * The work of one attacking connection, until it ends.
 *
 * @typedef {object} Attack
 * @property {string} title
 * @property {(socket: import('node:net').Socket, attacking: () => boolean) => void} run
 * @property {boolean} [spin] whether it only keeps its core busy
 * @property {boolean} [manyAddresses] whether its connections have many addresses
 * @property {boolean} [plain] whether it sends plain HTTP instead of an upgrade
 */

/**
 * Requests an upgrade. Calls `then` if the server accepts it.
 *
 * @param {import('node:net').Socket} socket
 * @param {() => void} then
 */
const upgrade = (socket, then) => {
  socket.write(upgradeOf())
  socket.once('data', (data) => {
    if (data.toString('latin1', 9, 12) === '101') then()
  })
  socket.resume()
}

/**
 * Writes bytes repeatedly, as fast as the server reads them.
 *
 * @param {import('node:net').Socket} socket
 * @param {Buffer} bytes
 * @param {() => boolean} attacking
 */
const writeRepeatedly = (socket, bytes, attacking) => {
  const write = () => {
    if (attacking() && !socket.destroyed) socket.write(bytes, () => setImmediate(write))
  }
  write()
}

/** @param {Buffer} bytes @returns {Attack['run']} */
const flood = (bytes) => (socket, attacking) =>
  upgrade(socket, () => writeRepeatedly(socket, bytes, attacking))

/** @param {object} frame @param {number} size @returns {Buffer} as many copies of the frame as fit into `size` bytes */
const batchOf = (frame, size) => {
  const one = frameOf(frame)
  return Buffer.concat(Array(Math.floor(size / one.length)).fill(one))
}

/** Alternating empty pings and empty text frames. */
const pings = Buffer.concat(Array(5000).fill(Buffer.from([0x89, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0])))

/** As many requests as fit into one read. */
const requests = Buffer.from('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1700))

/** A frame with the largest allowed size, depth and number of arrays. */
const nested = () => {
  const pieces = Array(Math.floor(4090 / 60)).fill(`${'['.repeat(60)}${']'.repeat(60)}`)
  const frame = (/** @type {string} */ text) => `{"topic":"echo","payload":[${pieces},"${text}"]}`
  return frame('x'.repeat(65_536 - frame('').length))
}

const large = frameOf({ topic: 'echo', id: 1, payload: 'x'.repeat(60_000) })

const patterns = Array.from({ length: 128 }, (_, n) => `attack/${n}/*/x/*`)

/** @type {Readonly<Record<string, Attack>>} */
export const attacks = {
  none: { title: 'control: the core is busy, without an attack', spin: true, run: () => {} },
  messages: {
    title: 'messages at full speed',
    run: flood(batchOf({ topic: 'echo', id: 1, payload: 'x' }, 65_536)),
  },
  distributed: {
    title: 'messages at full speed from 250 addresses',
    run: flood(batchOf({ topic: 'echo', id: 1, payload: 'x' }, 65_536)),
    manyAddresses: true,
  },
  resets: {
    title: 'messages, then a reset and a new connection',
    run: (socket) =>
      upgrade(socket, () => {
        socket.write(batchOf({ topic: 'echo', payload: 'x' }, 65_536), () => {
          setTimeout(() => socket.resetAndDestroy(), 20)
        })
      }),
  },
  pings: { title: 'pings and the smallest frames', run: flood(pings) },
  connections: {
    title: 'connect and disconnect',
    run: (socket) => upgrade(socket, () => socket.resetAndDestroy()),
  },
  requests: {
    title: 'requests of plain HTTP',
    plain: true,
    run: (socket, attacking) => {
      socket.resume()
      writeRepeatedly(socket, requests, attacking)
    },
  },
  nested: { title: 'largest frames, deeply nested', run: flood(frameOf(nested())) },
  subscriptions: {
    title: 'subscribe and unsubscribe, 128 patterns',
    run: flood(
      Buffer.concat([
        frameOf({ type: 'subscribe', topics: patterns }),
        frameOf({ type: 'unsubscribe', topics: patterns }),
      ]),
    ),
  },
  readers: {
    title: 'large messages whose replies are never read',
    run: (socket, attacking) =>
      upgrade(socket, () => {
        socket.pause()
        writeRepeatedly(socket, large, attacking)
      }),
  },
  handshakes: {
    title: 'half-open handshakes',
    run: (socket) => {
      socket.write(upgradeOf().slice(0, -2))
      // Ends before the handshake timeout of the server, and is replaced by a new connection.
      setTimeout(() => socket.resetAndDestroy(), 100)
    },
  },
}
