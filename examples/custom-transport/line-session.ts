import type { Socket } from 'node:net'
import { type Handshake, type PeerSession, RookeryError, type TransportHost } from 'rookery'
import { createLineWire } from './line-wire.ts'
import { readLines } from './lines.ts'

/** Serves one connection, from its first line to its end. Never rejects. */
export const serve = async (socket: Socket, host: TransportHost): Promise<void> => {
  const lines = readLines(socket, host.limits.maxPayload)
  const timer = setTimeout(() => socket.destroy(), host.limits.handshakeTimeout)
  let session: PeerSession | undefined
  try {
    const first = await lines.next()
    clearTimeout(timer)
    const said = handshakeOf(first.value ?? '', socket)
    if (!first.done) session = await host.begin(said.address, () => host.open(said, createLineWire(socket)))
    for await (const line of lines) session?.receive(line)
  } catch (error) {
    if (error instanceof RookeryError) session?.close(error)
  }
  clearTimeout(timer)
  session?.disconnected()
  // Without a session, the app does not close the socket. With one, the socket must be read to see its end.
  if (!session && socket.writable) socket.destroy()
  else socket.resume()
}

/** Parses the first line: a query. A token moves out of the query, which the app and its logs can see. */
const handshakeOf = (line: string, socket: Socket): Handshake => {
  const query = new URLSearchParams(line)
  const token = query.get('token')
  query.delete('token')
  const seen = { transport: 'lines', address: socket.remoteAddress ?? '', headers: {}, query }
  return token === null ? seen : { ...seen, token }
}
