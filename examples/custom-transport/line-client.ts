import { createConnection } from 'node:net'
import { type ClientTransport, RookeryError } from 'rookery/client'
import { readLines } from './lines.ts'

/** The client's transport, for Node: `createClient({ url: 'http://localhost:4000', transports: [lines()] })`. */
export const lines = (): ClientTransport => ({
  name: 'lines',
  connect({ url, params }, events) {
    const socket = createConnection(Number(url.port || 4000), url.hostname)
    socket.on('error', () => {})
    socket.write(`${new URLSearchParams(params)}\n`)
    let silent = false // true after the client has closed the connection
    const listen = async (): Promise<void> => {
      let end = new RookeryError('connection_failed')
      try {
        for await (const line of readLines(socket)) {
          end = new RookeryError('disconnected')
          if (!silent) events.message(JSON.parse(line))
        }
      } catch (cause) {
        end = new RookeryError(end.code, undefined, { cause })
      }
      socket.destroy()
      if (!silent) events.close(end)
    }
    void listen()
    return {
      send: (frames) => void socket.write(frames.map(({ text }) => `${text}\n`).join('')),
      close: () => {
        silent = true
        socket.end()
      },
      abort: () => {
        silent = true
        socket.destroy()
      },
    }
  },
})
