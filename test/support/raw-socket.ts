import { createConnection, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** Opens a TCP connection and reads it into a string. Closes it at the end of the test. */
export const open = (url: string): { socket: Socket; text: () => string } => {
  const { hostname, port } = new URL(url)
  const socket = createConnection(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (data) => {
    text += data.toString('latin1')
  })
  socket.on('error', () => {})
  return { socket, text: () => text }
}
