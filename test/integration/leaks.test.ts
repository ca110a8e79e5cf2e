import { rooms } from 'rookery/rooms'
import { expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startApp } from '../support/app.ts'

const CYCLES = 10_000
const MAX_CONCURRENT = 100

/** Connects, sends a few frames, and disconnects in one of several ways. */
const cycle = (url: string, number: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url}?username=user${number % 50}&roomID=room${number % 7}`)
    socket.on('error', reject)
    socket.on('close', () => resolve())
    socket.once('message', () => {
      socket.send(`{"type":"subscribe","id":1,"topics":["a/${number}/*","*/b","users/${number}"]}`)
      if (number % 3 === 0) socket.terminate()
      else if (number % 3 === 1) socket.close()
      else socket.once('message', () => socket.close())
    })
  })

it(`after ${CYCLES} connections have ended, no session, socket or timer is left`, async () => {
  const { url, app } = await startApp({
    plugins: [rooms({ announce: false })],
    limits: { handshakeBurst: 2 * CYCLES },
  })
  const at = `${url.replace('http', 'ws')}/api/v1/ws`
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCPSocket')).length
  const before = { timers: timers(), sockets: sockets() }
  let next = 0
  const work = async () => {
    while (next < CYCLES) await cycle(at, next++)
  }
  await Promise.all(Array.from({ length: MAX_CONCURRENT }, work))
  await vi.waitFor(() => expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 }))
  await vi.waitFor(() => expect(sockets()).toBeLessThanOrEqual(before.sockets))
  // vi.waitFor has up to two timers of its own while it waits.
  await vi.waitFor(() => expect(timers()).toBeLessThanOrEqual(before.timers + 2))
  expect(app.bus.size).toEqual({ patterns: 0, nodes: 0 })
}, 300_000)
