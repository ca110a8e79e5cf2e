import { once } from 'node:events'
import { type AddressInfo, createServer, type ListenOptions, type Socket } from 'node:net'
import { createToken, definePlugin, type Plugin, Transports } from 'rookery'
import { serve } from './line-session.ts'

/** The port on which the transport listens. */
export const LineServer = createToken<{ readonly port: number }>('LineServer', 'lines()')

/** JSON over TCP, one frame per line. @param address where to listen; port 0 selects a free port */
export const lines = (address: ListenOptions = { port: 4000 }): Plugin => {
  const server = createServer()
  const sockets = new Set<Socket>()
  return definePlugin({
    name: 'lines',
    setup(scope) {
      scope.provide(LineServer, () => server.address() as AddressInfo)
      scope.get(Transports).add({
        name: 'lines',
        async start(host) {
          server.on('connection', (socket) => {
            sockets.add(socket)
            socket.on('error', () => {}).once('close', () => sockets.delete(socket))
            void serve(socket, host)
          })
        },
        async stop() {
          const closed = new Promise((resolve) => server.close(resolve))
          // The app has closed all sessions. The other sockets have not sent their first line yet.
          for (const socket of sockets) if (socket.writable) socket.destroy()
          await closed
        },
      })
    },
    listen: () => once(server.listen(address), 'listening').then(() => {}),
  })
}
