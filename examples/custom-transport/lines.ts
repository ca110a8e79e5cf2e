import type { Socket } from 'node:net'
import { RookeryError } from 'rookery'

/** The lines that come over a socket, of at most so many bytes. Reads no further than somebody asks for. */
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
