import type { Codec } from '../../core/protocol/frame.ts'
import type { MessageFrame } from '../../core/protocol/protocol.ts'
import { eventOf } from './events.ts'

/** First byte of a WebSocket text frame: FIN and the opcode. */
const FIN_TEXT = 0x81

/** Header of an unmasked WebSocket text frame (RFC 6455, section 5.2). */
const frameHeader = (length: number): Buffer => {
  if (length < 126) return Buffer.from([FIN_TEXT, length])
  const bytes = Buffer.alloc(length < 65_536 ? 4 : 10)
  bytes[0] = FIN_TEXT
  bytes[1] = length < 65_536 ? 126 : 127
  bytes.writeUIntBE(length, length < 65_536 ? 2 : 4, length < 65_536 ? 2 : 6)
  return bytes
}

/** A published message as a Socket.IO packet. */
export interface Packet {
  readonly text: string
  /**
   * Options of Engine.IO's `write`. With the frame already encoded, Engine.IO need not encode it for each WebSocket.
   * Socket.IO's own adapter does the same for a broadcast.
   */
  readonly options: { readonly compress: false; readonly wsPreEncodedFrame: readonly Buffer[] }
}

/** Encodes packets (Socket.IO protocol 5, "Packet encoding"). Engine.IO protocol 4 puts a 4 before a message. */
export const packetCodec: Codec<Packet> = {
  encode(frame) {
    // `payloadText` is the payload at the time of publishing. The payload object may have changed since then.
    const [name, , details] = eventOf(frame.message as MessageFrame)
    const suffix = details ? `,${JSON.stringify(details)}` : ''
    const text = `2[${JSON.stringify(name)},${frame.payloadText ?? 'null'}${suffix}]`
    const bytes = Buffer.from(`4${text}`)
    return {
      text,
      options: { compress: false, wsPreEncodedFrame: [Buffer.concat([frameHeader(bytes.length), bytes])] },
    }
  },
}
