import { once } from 'node:events'
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { answer } from '../../ipc.mjs'
import { serverFunctions } from '../messages.mjs'

const http = createServer()
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: false,
  serveClient: false,
  // The bare clients cannot answer pings.
  pingInterval: 3_600_000,
  connectionStateRecovery: {},
})
io.on('connection', (socket) => {
  const { room } = socket.handshake.query
  if (room !== undefined && !socket.recovered) void socket.join(String(room))
  socket.on('echo', (payload, reply) => reply(payload))
})
http.listen(0, '127.0.0.1')
await once(http, 'listening')

answer(
  serverFunctions({
    port: /** @type {import('node:net').AddressInfo} */ (http.address()).port,
    sessions: () => io.of('/').sockets.size,
    publish: (room, payload) => io.to(room).emit('message', payload),
  }),
)
