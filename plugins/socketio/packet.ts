import type { Codec } from '../../core/protocol/frame.ts'
import type { MessageFrame } from '../../core/protocol/protocol.ts'

/** Room for the length in front of a payload (RFC 6455, section 5.2). */
const header = (length: number): Buffer => {
  if (length < 126) return Buffer.from([0x81, length])
  const bytes = Buffer.alloc(length < 65_536 ? 4 : 10)
  bytes[0] = 0x81
  bytes[1] = length < 65_536 ? 126 : 127
  bytes.writeUIntBE(length, length < 65_536 ? 2 : 4, length < 65_536 ? 2 : 6)
  return bytes
}

/** Names that Socket.IO keeps for itself: its clients drop the connection when a server emits one. */
const RESERVED = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
])

/**
 * A published message as an event: named after the topic, with the payload, and with what else there is to say of it.
 * On a topic whose name Socket.IO keeps for itself it is `$message`.
 */
export const eventOf = ({ topic, payload = null, topics, seq }: MessageFrame): [string, unknown, object?] => {
  const reserved = RESERVED.has(topic)
  const name = reserved ? '$message' : topic
  if (!reserved && topics === undefined && seq === undefined) return [name, payload]
  return [name, payload, { ...(reserved && { topic }), topics, seq }]
}

/** A published message as a packet of Socket.IO. */
export interface Packet {
  readonly text: string
  /** Spares engine.io framing the packet for each WebSocket, the way Socket.IO's own adapter does for a broadcast. */
  readonly options: { readonly compress: false; readonly wsPreEncodedFrame: readonly Buffer[] }
}

/** Source: Socket.IO protocol 5, "Packet encoding"; Engine.IO protocol 4, where 4 is a message. */
export const packet: Codec<Packet> = {
  encode(frame) {
    // The payload as it was when it was published, in the place of the one that may have changed since.
    const [name, , meta] = eventOf(frame.message as MessageFrame)
    const more = meta ? `,${JSON.stringify(meta)}` : ''
    const text = `2[${JSON.stringify(name)},${frame.payloadText ?? 'null'}${more}]`
    const bytes = Buffer.from(`4${text}`)
    return {
      text,
      options: { compress: false, wsPreEncodedFrame: [Buffer.concat([header(bytes.length), bytes])] },
    }
  },
}
