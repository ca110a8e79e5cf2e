import { once } from 'node:events'
import { WebSocketServer } from 'ws'
import { answerCalls, work } from '../calls/work.mjs'

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
server.on('connection', (socket) => {
  socket.on('message', (data) => {
    const { topic, id, payload } = JSON.parse(String(data))
    socket.send(JSON.stringify({ type: 'reply', id, payload: topic === 'work' ? work() : payload }))
  })
})
await once(server, 'listening')

answerCalls(/** @type {import('node:net').AddressInfo} */ (server.address()).port)
