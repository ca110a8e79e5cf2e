import { answer } from '../ipc.mjs'
import { Connection, chunksOf } from './connection.mjs'
import { GREETING } from './routes.mjs'

const GET = Buffer.from('GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
const POST = Buffer.from('POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n')

/** @type {Connection[]} */
let connections = []

/** @param {Error} error */
const fail = (error) => {
  console.error(error)
  process.exit(1)
}

/** @param {{ port: number, count: number }} input */
const open = ({ port, count }) => {
  connections = Array.from({ length: count }, () => new Connection(port, fail))
}

const close = async () => {
  await Promise.all(connections.map((connection) => connection.close()))
  connections = []
}

/**
 * Requests the route for a while, one request at a time on every connection.
 *
 * @param {{ millis: number }} input
 * @returns requests and the time until the last response, in ms
 */
const get = async ({ millis }) => {
  let requests = 0
  const start = performance.now()
  const end = start + millis
  const repeat = async (/** @type {Connection} */ connection) => {
    while (performance.now() < end) {
      await connection.send(GET, GREETING)
      requests++
    }
  }
  await Promise.all(connections.map(repeat))
  return { requests, millis: performance.now() - start }
}

/** Uploads this many bytes on every connection, `times` times. @param {{ bytes: number, times: number }} input */
const upload = async ({ bytes, times }) => {
  const chunks = chunksOf(bytes)
  const start = performance.now()
  const repeat = async (/** @type {Connection} */ connection) => {
    for (let n = 0; n < times; n++) await connection.upload(POST, chunks)
  }
  await Promise.all(connections.map(repeat))
  return { requests: times * connections.length, millis: performance.now() - start }
}

answer({ open, close, get, upload })
