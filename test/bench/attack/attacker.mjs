import { connect } from 'node:net'
import { setPriority } from 'node:os'
import { answer } from '../ipc.mjs'
import { attacks } from './attacks.mjs'

// The honest share the core: what they measure must not be that they get no time.
setPriority(19)

/** @type {Set<import('node:net').Socket>} */
const sockets = new Set()
let attacking = false
const done = { connections: 0, refused: 0, bytes: 0 }

/** Keeps one place of an attack filled: as soon as a connection is gone, the next one comes. @param {import('./attacks.mjs').Attack} attack @param {number} port */
const occupy = (attack, port) => {
  if (!attacking) return
  done.connections++
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  sockets.add(socket)
  socket.setNoDelay()
  socket.on('error', () => {})
  socket.on('close', () => {
    done.bytes += socket.bytesWritten
    sockets.delete(socket)
    setImmediate(occupy, attack, port)
  })
  socket.once('data', (data) => {
    if (data.toString('latin1', 9, 12) === '101') return
    done.refused++
    socket.destroy()
  })
  attack.run(socket, () => attacking)
}

/** @param {{ name: string, port: number, connections: number }} input */
const start = ({ name, port, connections }) => {
  attacking = true
  const attack = attacks[name]
  if (!attack) throw new Error(`There is no attack '${name}'`)
  if (attack.spin) spin()
  else for (let place = 0; place < connections; place++) occupy(attack, port)
}

/** Takes all the time that it gets. */
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
