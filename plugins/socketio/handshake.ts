import type { Socket } from 'socket.io'
import type { Handshake } from '../../core/sessions/transport.ts'

/** Query parameters of Engine.IO. */
const ENGINE_PARAMETERS = new Set(['EIO', 'transport', 't', 'sid', 'b64', 'j'])

/** The types of values that a query can have, too. */
const TYPES = ['string', 'number', 'boolean']

/** Builds the handshake of a socket. Browsers can set the query and `auth`: `auth` takes precedence. */
export const handshakeOf = ({ handshake, request }: Socket, address: string): Handshake => {
  const query = new URLSearchParams()
  for (const [name, given] of Object.entries({ ...handshake.query, ...handshake.auth })) {
    const value: unknown = Array.isArray(given) ? given[0] : given
    if (TYPES.includes(typeof value) && !ENGINE_PARAMETERS.has(name) && name !== 'token') {
      query.append(name, String(value))
    }
  }
  const { token } = handshake.auth
  return {
    transport: 'socketio',
    address,
    headers: handshake.headers,
    query,
    request,
    ...(typeof token === 'string' && { token }),
  }
}
