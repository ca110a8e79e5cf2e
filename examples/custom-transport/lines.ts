import type { Socket } from 'node:net'
import { RookeryError } from 'rookery'

/** Reads lines of at most `limit` bytes from a socket. Reads only when the consumer asks for the next line. */
export async function* readLines(socket: Socket, limit = Number.POSITIVE_INFINITY): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    rest = Buffer.concat([rest, chunk])
    for (let end = rest.indexOf('\n'); end >= 0 && end <= limit; end = rest.indexOf('\n')) {
      yield String(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
    }
    if (rest.length > limit) throw new RookeryError('payload_too_large')
  }
}
