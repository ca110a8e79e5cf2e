import { once } from 'node:events'
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { TOPIC } from '../message.mjs'
import { serve } from '../publisher.mjs'

const ROOM = 'bench'

const http = createServer()
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: false,
  serveClient: false,
  // The clients cannot answer pings, and the `ws` loop sends none either.
  pingInterval: 3_600_000,
})
io.on('connection', (socket) => void socket.join(ROOM))
http.listen(0, '127.0.0.1')
await once(http, 'listening')
const { port } = /** @type {import('node:net').AddressInfo} */ (http.address())

serve({ port, publish: (payload) => void io.to(ROOM).emit(TOPIC, payload) })
