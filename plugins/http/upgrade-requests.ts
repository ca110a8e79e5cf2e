import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { Server as TlsServer } from 'node:tls'

/** Longest wait for another listener to answer an upgrade request, in ms. */
const UPGRADE_ANSWER_WAIT_MS = 10_000

/** Headers that ask for an upgrade to another protocol (RFC 9110, section 7.8; RFC 7540, section 3.2.1). */
const UPGRADE_HEADERS = new Set(['upgrade', 'http2-settings'])

const tokensOf = (header: string | undefined): string[] =>
  (header ?? '').split(',').map((token) => token.trim().toLowerCase())

/** Whether a request asks for an upgrade to a protocol. */
export const asksForProtocol = ({ headers }: IncomingMessage, protocol: string): boolean =>
  tokensOf(headers.upgrade).includes(protocol)

/** The head of a request as bytes, without the headers that ask for an upgrade. */
const headOf = ({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer => {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    const value = rawHeaders[at + 1] as string
    if (UPGRADE_HEADERS.has(name.toLowerCase())) continue
    if (name.toLowerCase() !== 'connection') {
      lines.push(`${name}: ${value}`)
      continue
    }
    const kept = tokensOf(value).filter((token) => token !== '' && !UPGRADE_HEADERS.has(token))
    if (kept.length > 0) lines.push(`${name}: ${kept.join(', ')}`)
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/**
 * Makes a server handle an upgrade request as an ordinary request, as Node does without an `upgrade` listener: a
 * server may ignore an upgrade (RFC 9110, section 7.8). Puts the head of the request back in front of the unread
 * bytes and gives the socket to the server. Node documents that `connection` may be emitted for any stream.
 */
export const handleWithoutUpgrade = (
  server: Server,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void => {
  socket.unshift(Buffer.concat([headOf(request), head]))
  server.emit(server instanceof TlsServer ? 'secureConnection' : 'connection', socket)
}

const ignore = (): void => {}

/** Closes the socket of an upgrade request that was left to other listeners, unless one of them writes in time. */
export const closeUnlessAnswered = (socket: Duplex): void => {
  // Without this listener, a reset by the peer would end the process.
  socket.on('error', ignore)
  const written = () => (socket as Duplex & { bytesWritten: number }).bytesWritten
  const before = written()
  const timer = setTimeout(() => {
    if (written() === before) socket.destroy()
  }, UPGRADE_ANSWER_WAIT_MS)
  socket.once('close', () => clearTimeout(timer))
}
