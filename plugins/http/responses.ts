import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { RookeryError } from '../../core/protocol/errors.ts'

/** Sends a response with JSON. */
export const sendJson = (response: ServerResponse, status: number, body: object): void => {
  const text = JSON.stringify(body)
  response.statusCode = status
  response.setHeader('content-type', 'application/json')
  response.setHeader('content-length', Buffer.byteLength(text))
  response.end(text)
}

/** The body of an error response. It tells a refused page not to reconnect. */
const bodyOf = (error: RookeryError): object => ({
  error: error.toJSON(),
  ...(error.code === 'origin_not_allowed' && { reconnectAfter: null }),
})

/** Sends an error as the response, or breaks off a response that has begun. */
export const sendError = (response: ServerResponse, error: RookeryError): void => {
  if (response.headersSent) response.destroy()
  else sendJson(response, error.status, bodyOf(error))
}

/** Sends an error as the response to an upgrade request, and closes the connection. */
export const refuseUpgrade = (socket: Duplex, error: RookeryError): void => {
  const body = JSON.stringify(bodyOf(error))
  socket.once('finish', () => socket.destroy())
  socket.end(
    [
      `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  )
}
