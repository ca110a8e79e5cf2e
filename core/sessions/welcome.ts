import { welcomeFrame } from '../protocol/control-frames.ts'
import type { Frame } from '../protocol/frame.ts'
import { clientSecretOf, type SecretSession } from './client-secret.ts'
import type { SessionHost } from './session-host.ts'

/** Creates the `welcome` of a session: who it is, and the limits that its client has to keep to. */
export const welcomeOf = (session: SecretSession, host: SessionHost, cursor: string | undefined): Frame => {
  const { id, user } = session
  const { contract, limits } = host
  const { pingInterval, maxPayload, messageRate, messageBurst, byteRate, byteBurst } = limits
  return welcomeFrame({
    session: id,
    secret: clientSecretOf(session, host.kept.history),
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
