import { once } from 'node:events'
import { answer } from '../ipc.mjs'

/** @typedef {{ bodyLimit?: number }} ServerOptions */

/** Listens on any free port. @param {import('node:http').Server} server @returns the port */
export const listen = async (server) => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return port
}

let before = process.cpuUsage()

/** Begins a measurement of CPU time. */
const begin = () => {
  before = process.cpuUsage()
}

/** CPU time of all threads since `begin`, user and system, in microseconds. */
const end = () => {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/**
 * Makes this process a server under test.
 *
 * @param {(options: ServerOptions) => Promise<number>} start starts the server and returns its port
 */
export const serve = (start) => void answer({ start, begin, end })
