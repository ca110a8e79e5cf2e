import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'

/**
 * A load balancer without sticky sessions: it sends every request and every connection to a random node. In production,
 * nginx, a cloud load balancer or DNS does this.
 *
 * @param nodes origins of the nodes, such as `http://127.0.0.1:3001`
 * @param answer answers a request itself, and returns whether it does
 */
export const createBalancer = (
  nodes: () => readonly string[],
  answer: (request: IncomingMessage, response: ServerResponse) => boolean,
) => {
  const pick = (): URL | undefined => {
    const all = nodes()
    const node = all[Math.floor(Math.random() * all.length)]
    return node === undefined ? undefined : new URL(node)
  }

  const server = createServer((request, response) => {
    if (answer(request, response)) return
    const fail = () => {
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end()
    }
    const node = pick()
    if (!node) {
      fail()
      return
    }
    const { method, url, headers } = request
    const onward = send(new URL(url ?? '/', node), { method, headers, agent: false }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers)
      // At once: an event stream may send no data for a while.
      response.flushHeaders()
      reply.once('error', fail)
      reply.pipe(response)
    })
    onward.once('error', fail)
    response.once('close', () => onward.destroy())
    request.pipe(onward)
  })

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const node = pick()
    if (!node) {
      socket.destroy()
      return
    }
    const onward = connect(Number(node.port), node.hostname, () => {
      const lines = [`${request.method} ${request.url} HTTP/1.1`]
      for (let index = 0; index < request.rawHeaders.length; index += 2) {
        lines.push(`${request.rawHeaders[index]}: ${request.rawHeaders[index + 1]}`)
      }
      onward.write(`${lines.join('\r\n')}\r\n\r\n`)
      onward.write(head)
      socket.pipe(onward).pipe(socket)
    })
    const end = () => {
      socket.destroy()
      onward.destroy()
    }
    for (const side of [socket, onward]) side.once('error', end).once('close', end)
  })

  return server
}
