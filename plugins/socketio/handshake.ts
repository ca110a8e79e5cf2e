import type { Socket } from 'socket.io'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { ClientFrame, InvalidFrame, PongFrame } from '../../core/protocol/protocol.ts'
import type { Handshake } from '../../core/sessions/transport.ts'

/** Parameters of Engine.IO itself. */
const ENGINE = new Set(['EIO', 'transport', 't', 'sid', 'b64', 'j'])

/** Query and `auth` come together: browsers can set both, and `auth` wins. */
export const handshakeOf = ({ handshake, request }: Socket, address: string): Handshake => {
  const query = new URLSearchParams()
  for (const [name, given] of Object.entries({ ...handshake.query, ...handshake.auth })) {
    const value: unknown = Array.isArray(given) ? given[0] : given
    if (typeof value === 'string' && !ENGINE.has(name) && name !== 'token') query.append(name, value)
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

/** The frame that an event stands for. */
export const frameOf = (
  event: string,
  args: readonly unknown[],
): Exclude<ClientFrame, PongFrame> | InvalidFrame => {
  const [payload] = args
  if (args.length > 1) {
    return { type: 'invalid', error: new RookeryError('bad_frame', 'An event has one payload') }
  }
  if (hasBinary(payload)) return { type: 'invalid', error: new RookeryError('binary_not_supported') }
  switch (event) {
    case 'subscribe':
    case 'unsubscribe':
      return { type: event, topics: (Array.isArray(payload) ? payload : [payload]) as string[] }
    case 'auth':
      return { type: 'auth', token: payload as string }
    default:
      return { topic: event, payload }
  }
}

/** Without recursion, and without spreading: how deep and how wide a payload is is the peer's choice. */
const hasBinary = (payload: unknown): boolean => {
  const values = [payload]
  while (values.length > 0) {
    const value = values.pop()
    if (typeof value !== 'object' || value === null) continue
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return true
    for (const inner of Object.values(value))
      if (typeof inner === 'object' && inner !== null) values.push(inner)
  }
  return false
}
