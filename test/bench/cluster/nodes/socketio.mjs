import cluster from 'node:cluster'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createAdapter, setupPrimary } from '@socket.io/cluster-adapter'
import { Server } from 'socket.io'
import { answer, pinSelf, Remote, tell } from '../../ipc.mjs'
import { measured, publishing } from '../roles.mjs'

/** @typedef {{ worker: number, name: string, input?: unknown }} RelayedCall */

/** The primary process: forwards messages between the workers, and calls of the benchmark to the workers. */
const runPrimary = () => {
  setupPrimary()
  /** @type {Remote[]} */
  const workers = []
  answer({
    ...measured,
    /** Starts one worker on each of the given cores. Resolves with their ports. @param {readonly number[]} cores */
    async start(cores) {
      const ports = []
      for (const core of cores) {
        const worker = cluster.fork()
        const remote = new Remote(worker.process, `worker ${workers.length}`)
        // A worker gets messages only once it listens to them.
        await once(worker, 'message')
        workers.push(remote)
        ports.push(await remote.call('start', core))
      }
      return ports
    },
    call: (/** @type {RelayedCall} */ { worker, name, input }) => workers[worker]?.call(name, input),
    tell: (/** @type {RelayedCall} */ { worker, name, input }) => workers[worker]?.tell(name, input),
  })
}

/** A worker process: each socket joins the room in its query. */
const runWorker = () => {
  const http = createServer()
  const io = new Server(http, {
    transports: ['websocket'],
    perMessageDeflate: false,
    serveClient: false,
    pingInterval: 3_600_000,
    adapter: createAdapter(),
  })
  io.on('connection', (socket) => void socket.join(String(socket.handshake.query.room)))
  answer({
    ...measured,
    ...publishing((topic, payload) => void io.to(topic).emit(topic, payload)),
    /** @param {number} core */
    async start(core) {
      pinSelf(core)
      // By default, the workers of a cluster share one port.
      http.listen({ port: 0, host: '127.0.0.1', exclusive: true })
      await once(http, 'listening')
      return /** @type {import('node:net').AddressInfo} */ (http.address()).port
    },
  })
  tell('ready')
}

if (cluster.isPrimary) runPrimary()
else runWorker()
