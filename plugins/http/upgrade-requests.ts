import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { Server as TlsServer } from 'node:tls'

/** How long the listeners of others may take to answer an upgrade request, in ms. */
const ANSWER_MS = 10_000

/** Headers that ask for another protocol (RFC 9110, section 7.8; RFC 7540, section 3.2.1). */
const SWITCHING = new Set(['upgrade', 'http2-settings'])

const tokensOf = (header: string | undefined): string[] =>
  (header ?? '').split(',').map((token) => token.trim().toLowerCase())

/** Whether a request asks for one of some protocols. */
export const asksFor = ({ headers }: IncomingMessage, protocol: string): boolean =>
  tokensOf(headers.upgrade).includes(protocol)

/** The text of a request's head without the wish for another protocol. */
const headOf = ({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer => {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    const value = rawHeaders[at + 1] as string
    if (SWITCHING.has(name.toLowerCase())) continue
    if (name.toLowerCase() !== 'connection') {
      lines.push(`${name}: ${value}`)
      continue
    }
    const kept = tokensOf(value).filter((token) => token !== '' && !SWITCHING.has(token))
    if (kept.length > 0) lines.push(`${name}: ${kept.join(', ')}`)
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/**
 * Has a server handle an upgrade request as an ordinary one, as it would if nobody listened for upgrades: a server may ignore
 * the wish for another protocol (RFC 9110, section 7.8). The socket goes back to the server, with the request in front of
 * what has not been read; Node documents that `connection` may be emitted for any stream.
 */
export const handleAsOrdinary = (
  server: Server,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void => {
  socket.unshift(Buffer.concat([headOf(request), head]))
  server.emit(server instanceof TlsServer ? 'secureConnection' : 'connection', socket)
}

const ignore = (): void => {}

/** Closes the socket of an upgrade request that is left to others, unless they write something in time. */
export const closeUnlessAnswered = (socket: Duplex): void => {
  // Without a listener, a reset by the peer would end the process.
  socket.on('error', ignore)
  const written = () => (socket as Duplex & { bytesWritten: number }).bytesWritten
  const before = written()
  const timer = setTimeout(() => {
    if (written() === before) socket.destroy()
  }, ANSWER_MS)
  socket.once('close', () => clearTimeout(timer))
}
