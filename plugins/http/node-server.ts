import { createServer, type Server } from 'node:http'
import type { Logger } from '../../core/logger.ts'

export interface NodeServerSettings {
  /** Milliseconds from connecting to the end of the headers. */
  readonly handshakeTimeout: number
  /** Most TCP connections at a time. */
  readonly maxSockets: number
  readonly log: Logger
}

/** Node's server, with bounds on what peers cost that have not said anything sensible yet. */
export const createNodeServer = ({ handshakeTimeout, maxSockets, log }: NodeServerSettings): Server => {
  const server = createServer({
    // Node wants it to be no longer than the time for a whole request, which is five minutes.
    headersTimeout: Math.min(handshakeTimeout, 300_000),
    // How often Node looks for connections that never finished their headers: often, since it closes all that it finds
    // in one go, and thousands of them would keep everybody else waiting.
    connectionsCheckingInterval: Math.max(50, Math.min(handshakeTimeout / 10, 500)),
  })
  server.maxConnections = maxSockets
  let dropped = 0
  server.on('drop', () => {
    if (++dropped > 1) return
    const report = () => {
      log.warn({ dropped, maxSockets }, 'connections were dropped: there are no more sockets')
      dropped = 0
    }
    setTimeout(report, 1000).unref()
  })
  return server
}
