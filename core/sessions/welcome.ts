import { welcomeFrame } from '../protocol/control-frames.ts'
import type { Frame } from '../protocol/frame.ts'
import type { User } from '../protocol/protocol.ts'
import type { SessionHost } from './session-host.ts'

interface WelcomedSession {
  readonly id: string
  readonly secret: string
  readonly user: User | null
}

/** Creates the `welcome` of a session: who it is, and the limits that its client has to keep to. */
export const welcomeOf = (
  { id, secret, user }: WelcomedSession,
  host: SessionHost,
  cursor: string | undefined,
): Frame => {
  const { contract, limits } = host
  const { pingInterval, maxPayload, messageRate, messageBurst, byteRate, byteBurst } = limits
  return welcomeFrame({
    session: id,
    secret,
    user: user && host.publicUser(user),
    ...(contract && { contract }),
    pingInterval,
    maxPayload,
    messageRate,
    messageBurst,
    byteRate,
    byteBurst,
    ...(cursor && { cursor }),
    ...(user && host.kept.history?.keepsUsers && { inbox: true as const }),
  })
}
