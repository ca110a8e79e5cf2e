import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { isPublic, RookeryError } from '../../core/errors.ts'
import type { UpgradeHandler } from './tokens.ts'

/** Answers an upgrade request with an error and closes the connection. */
const refuse = (socket: Duplex, error: RookeryError): void => {
  const body = JSON.stringify({ error: error.toJSON() })
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

const ignore = () => {}

/** Routes upgrade requests by path. */
export class Upgrades {
  readonly #handlers = new Map<string, UpgradeHandler>()
  readonly #allowsOrigin: (request: IncomingMessage) => boolean
  readonly #othersListen: () => boolean
  readonly #report: (error: unknown) => void

  /** @param othersListen whether a request for an unknown path may be somebody else's on the same server */
  constructor(
    allowsOrigin: (request: IncomingMessage) => boolean,
    othersListen: () => boolean,
    report: (error: unknown) => void,
  ) {
    this.#allowsOrigin = allowsOrigin
    this.#othersListen = othersListen
    this.#report = report
  }

  add(path: string, handler: UpgradeHandler): () => void {
    if (this.#handlers.has(path)) {
      throw new RookeryError(
        'invalid_option',
        `Two plugins take upgrades on '${path}'; give one another path`,
      )
    }
    this.#handlers.set(path, handler)
    return () => this.#handlers.delete(path)
  }

  readonly handle = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const target = request.url ?? ''
    const url = URL.canParse(target, 'http://host') ? new URL(target, 'http://host') : undefined
    const handler = url && this.#handlers.get(url.pathname)
    if (!handler && this.#othersListen()) return
    // The socket is ours now; without a listener a reset by the peer would end the process.
    socket.on('error', ignore)
    const take = async () => {
      if (!handler) throw new RookeryError('not_found', 'Nothing takes upgrades on this path')
      if (!this.#allowsOrigin(request)) throw new RookeryError('origin_not_allowed')
      await handler(request, socket, head, url)
    }
    const answer = (error: unknown) => {
      if (!isPublic(error)) this.#report(error)
      refuse(socket, isPublic(error) ? error : new RookeryError('internal'))
    }
    // A stream notices in the next tick that who has read it lets go of it: until then it cannot be paused.
    process.nextTick(() => take().catch(answer))
  }
}
