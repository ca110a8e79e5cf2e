import type { KeptStream } from '../history/history.ts'
import type { User } from '../protocol/protocol.ts'

/** Most characters in a secret, in UTF-16 units. */
const MAX_SECRET_LENGTH = 250

/** A session, as its secret sees it. */
export interface SecretSession {
  readonly id: string
  readonly client: string
  /** `<session id>.<random>` */
  readonly secret: string
  readonly user: User | null
}

/** What a secret says of the session that it was made for. */
export interface ClientSecret {
  readonly session: string
  /** `LiveSession.secret` of the session. */
  readonly secret: string
  readonly client: string
  /** Proves `client` after the session has ended. Empty without a history. */
  readonly proof: string
}

/**
 * Creates the secret that a client gets in `welcome`: `<session id>.<random>`, and with a history also
 * `.<client, if it is not the session id>.<signature>`. The signature proves to every node which messages are the client's own
 * broadcasts, also when the session or its node has gone.
 */
export const clientSecretOf = (
  { id, client, secret, user }: SecretSession,
  history: KeptStream | undefined,
): string => {
  const proof = history?.sign(statement(client, user))
  return proof === undefined ? secret : `${secret}.${client === id ? '' : client}.${proof}`
}

/** Reads a secret. Undefined if it is too long. Checks nothing else. */
export const readClientSecret = (text: string): ClientSecret | undefined => {
  if (text.length > MAX_SECRET_LENGTH) return undefined
  const [session = '', random = '', client = '', proof = ''] = text.split('.')
  return { session, secret: `${session}.${random}`, client: client || session, proof }
}

/** What the signature in a secret is made of. */
export const statement = (client: string, user: User | null): string =>
  JSON.stringify([client, user?.id ?? null])
