import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { RookeryError } from '../../core/protocol/errors.ts'

/** Answers a request with JSON. */
export const answerJson = (response: ServerResponse, status: number, body: object): void => {
  const text = JSON.stringify(body)
  response.statusCode = status
  response.setHeader('content-type', 'application/json')
  response.setHeader('content-length', Buffer.byteLength(text))
  response.end(text)
}

/** What is sent of an error. A client that may not come back is told so. */
const bodyOf = (error: RookeryError): object => ({
  error: error.toJSON(),
  ...(error.code === 'origin_not_allowed' && { reconnectAfter: null }),
})

/** Answers a request with an error, or cuts the answer off that has begun. */
export const answerError = (response: ServerResponse, error: RookeryError): void => {
  if (response.headersSent) response.destroy()
  else answerJson(response, error.status, bodyOf(error))
}

/** Answers an upgrade request with an error, and closes the connection. */
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

const namesOf = (list = ''): string[] => list.split(',').flatMap((name) => name.trim() || [])

/** Whether a header is one that proxies set, and by which a page could pretend to be the server's own. */
const isOfProxies = (name: string): boolean => /^(x-)?forwarded\b/i.test(name)

/**
 * Lets the page of an origin read the answer to a request, and send requests that need a preflight. Also a page that is
 * refused: it has to learn why.
 *
 * @returns whether the request was a preflight, which has been answered
 */
export const shareWith = (origin: string, request: IncomingMessage, response: ServerResponse): boolean => {
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('access-control-allow-credentials', 'true')
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
    return false
  }
  response.setHeader('access-control-allow-methods', 'GET, HEAD, POST, DELETE')
  const wanted = namesOf(request.headers['access-control-request-headers']).filter(
    (name) => !isOfProxies(name),
  )
  if (wanted.length > 0) response.setHeader('access-control-allow-headers', wanted.join(','))
  response.setHeader('access-control-max-age', '600')
  response.writeHead(204).end()
  return true
}
