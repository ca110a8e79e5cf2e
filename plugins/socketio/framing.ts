import type { Codec } from '../../core/frame.ts'
import type { MessageFrame } from '../../core/protocol.ts'

/** Room for the length in front of a payload (RFC 6455, section 5.2). */
const header = (length: number): Buffer => {
  if (length < 126) return Buffer.from([0x81, length])
  const bytes = Buffer.alloc(length < 65_536 ? 4 : 10)
  bytes[0] = 0x81
  bytes[1] = length < 65_536 ? 126 : 127
  bytes.writeUIntBE(length, length < 65_536 ? 2 : 4, length < 65_536 ? 2 : 6)
  return bytes
}

/** A published message as a packet of Socket.IO. */
export interface Packet {
  readonly text: string
  /** Spares engine.io framing the packet for each WebSocket, the way Socket.IO's own adapter does for a broadcast. */
  readonly options: { readonly compress: false; readonly wsPreEncodedFrame: readonly Buffer[] }
}

/**
 * The event is named after the topic and has the payload as its argument; what else a message may have is a second
 * one. Source: Socket.IO protocol 5, "Packet encoding"; Engine.IO protocol 4, where 4 is a message.
 */
export const packet: Codec<Packet> = {
  encode(frame) {
    const { topic, topics, seq } = frame.message as MessageFrame
    const meta = topics || seq !== undefined ? `,${JSON.stringify({ topics, seq })}` : ''
    const text = `2[${JSON.stringify(topic)},${frame.payloadText ?? 'null'}${meta}]`
    const bytes = Buffer.from(`4${text}`)
    return {
      text,
      options: { compress: false, wsPreEncodedFrame: [Buffer.concat([header(bytes.length), bytes])] },
    }
  },
}
