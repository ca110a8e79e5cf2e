import { createHash } from 'node:crypto'
import type { OutgoingHttpHeaders } from 'node:http'
import type { RequestHandler } from '../http/tokens.ts'

/** Creates a handler that serves a text. A client that has the text already gets 304. */
export const servePublicFile = (text: string, headers: OutgoingHttpHeaders): RequestHandler => {
  const body = Buffer.from(text)
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
  const common = { ...headers, etag, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' }
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
    } else if (request.headers['if-none-match']?.includes(etag)) {
      response.writeHead(304, common).end()
    } else {
      // Node does not send the body of an answer to HEAD.
      response.writeHead(200, { ...common, 'content-length': body.length }).end(body)
    }
  }
}
