import { spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { setPriority } from 'node:os'
import { answer } from '../ipc.mjs'
import { attacks } from './attacks.mjs'

// The attackers get the lowest priority: the server's garbage collector shares this core, and the honest clients may,
// too. The figures of the honest clients should not include a lack of CPU time. Without `chrt` the kernel lets this
// process finish a slice of milliseconds.
if (spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)]).status !== 0)
  setPriority(19)

/** @type {Set<import('node:net').Socket>} */
const sockets = new Set()
let attacking = false
const done = { connections: 0, refused: 0, bytes: 0 }

/**
 * The server of an attack, and the addresses of the attackers.
 *
 * @typedef {object} Route
 * @property {string} host
 * @property {number} port
 * @property {readonly string[]} addresses
 */

/**
 * Opens a connection, and a new one each time that it ends.
 *
 * @param {import('./attacks.mjs').Attack} attack @param {Route} route @param {number} place
 */
const connectRepeatedly = (attack, route, place) => {
  if (!attacking) return
  done.connections++
  const { host, port, addresses } = route
  const localAddress = addresses[attack.manyAddresses ? place % addresses.length : 0]
  const socket = connect({ port, host, localAddress })
  sockets.add(socket)
  socket.setNoDelay()
  socket.on('error', () => {})
  socket.on('close', () => {
    done.bytes += socket.bytesWritten
    sockets.delete(socket)
    setImmediate(connectRepeatedly, attack, route, place)
  })
  socket.once('data', (data) => {
    if (attack.plain || data.toString('latin1', 9, 12) === '101') return
    done.refused++
    socket.destroy()
  })
  attack.run(socket, () => attacking)
}

/** @param {Route & { name: string, connections: number }} input */
const start = ({ name, connections, ...route }) => {
  attacking = true
  const attack = attacks[name]
  if (!attack) throw new Error(`There is no attack '${name}'`)
  if (attack.spin) spin()
  else for (let place = 0; place < connections; place++) connectRepeatedly(attack, route, place)
}

/** Uses all the CPU time that the process gets. */
const spin = () => {
  const end = performance.now() + 20
  while (performance.now() < end);
  if (attacking) setImmediate(spin)
}

const stop = async () => {
  attacking = false
  const closing = [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
  for (const socket of sockets) socket.resetAndDestroy()
  await Promise.all(closing)
  const result = { ...done }
  Object.assign(done, { connections: 0, refused: 0, bytes: 0 })
  return result
}

answer({ start, stop })
