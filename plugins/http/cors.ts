import type { IncomingMessage, ServerResponse } from 'node:http'

const namesOf = (list = ''): string[] => list.split(',').flatMap((name) => name.trim() || [])

/**
 * Whether only proxies may set a header. A page that could set it would pass for a page of the server's own origin.
 */
const isProxyHeader = (name: string): boolean => /^(x-)?forwarded\b/i.test(name)

/**
 * Sets the CORS headers that let the pages of an origin read the response and send requests that need a preflight. A
 * refused page gets them, too, so that it can read why.
 *
 * @returns whether the request was a preflight, which has been answered
 */
export const applyCors = (origin: string, request: IncomingMessage, response: ServerResponse): boolean => {
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('access-control-allow-credentials', 'true')
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
    return false
  }
  response.setHeader('access-control-allow-methods', 'GET, HEAD, POST, DELETE')
  const wanted = namesOf(request.headers['access-control-request-headers']).filter(
    (name) => !isProxyHeader(name),
  )
  if (wanted.length > 0) response.setHeader('access-control-allow-headers', wanted.join(','))
  response.setHeader('access-control-max-age', '600')
  response.writeHead(204).end()
  return true
}
