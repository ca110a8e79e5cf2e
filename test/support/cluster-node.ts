/** The program of one node of a test cluster. Prints `listening <url> node=<id>` when it accepts connections. */
import { connect, createServer } from 'node:net'
import { createApp } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { nats } from 'rookery/nats'
import { rooms } from 'rookery/rooms'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
import { stopWithParent } from './stop-with-parent.ts'

const { NATS_SERVERS = '', SOCKET_PATH } = process.env

const app = createApp({
  stopTimeout: '5s',
  plugins: [
    http({ port: 0, hostname: '127.0.0.1' }),
    websocket(),
    socketio(),
    sse(),
    rooms(),
    // In the given order, so that a test knows which server a node is connected to.
    nats({ servers: NATS_SERVERS.split(','), noRandomize: true, requiredForReady: true }),
  ],
})

app.handle('chat/send', async (ctx, payload) => {
  const { text, n } = payload as { text: string; n: number }
  await ctx.publish(`rooms/${ctx.room}/messages`, { from: ctx.user.name, text, n })
})
app.handle('whoami', (ctx) => ({ node: app.cluster.node, session: ctx.session.id }))
app.handle('send', async (_ctx, payload) => {
  const { user, topic, message } = payload as { user: string; topic: string; message: unknown }
  return (await app.send({ user }, topic, message)).sessions
})

stopWithParent(() => app.stop())

await app.start()
const { url } = app.scope.get(HttpServer)
if (SOCKET_PATH) {
  // A Unix socket can be reached from every network namespace, so a test reaches a node in another namespace by it.
  const { port, hostname } = new URL(url)
  const relay = createServer((socket) => {
    const inner = connect(Number(port), hostname)
    for (const [one, other] of [
      [socket, inner],
      [inner, socket],
    ] as const) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy())
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => relay.listen(SOCKET_PATH, resolve))
}
console.log(`listening ${SOCKET_PATH ? `unix:${SOCKET_PATH}` : url} node=${app.cluster.node}`)
