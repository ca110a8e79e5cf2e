import { createConnection, type Socket } from 'node:net'

/** Numbers of connections that are open, were closed by the server, and could not be opened. */
export interface Load {
  readonly open: number
  readonly closed: number
  readonly failed: number
}

/** Connections that are opened at the same time. More would exceed the backlog of the server and get lost. */
const MAX_CONNECTING = 200

const HEADERS = `GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nX-Padding: ${'x'.repeat(1000)}`

const [port, count] = process.argv.slice(2).map(Number) as [number, number]
const slow = new Set<Socket>()
let begun = 0
let open = 0
let closed = 0
let failed = 0

/** Half of the connections send nothing. The other half send one byte of a header per second. */
const connect = (): void => {
  if (begun === count) return
  const index = begun++
  const socket = createConnection({ port, host: '127.0.0.1' })
  let connected = false
  socket.on('error', () => {})
  socket.resume()
  socket.on('connect', () => {
    connected = true
    open++
    if (index % 2 === 1) slow.add(socket)
    connect()
  })
  socket.on('close', () => {
    slow.delete(socket)
    if (connected) {
      open--
      closed++
    } else {
      failed++
      connect()
    }
  })
}

let written = 0
setInterval(() => {
  const byte = HEADERS[written++ % HEADERS.length] as string
  for (const socket of slow) socket.write(byte)
}, 1000)
setInterval(() => process.send?.({ open, closed, failed } satisfies Load), 50)
for (let started = 0; started < MAX_CONNECTING; started++) connect()
