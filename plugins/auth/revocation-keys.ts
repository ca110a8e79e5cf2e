import { createHash } from 'node:crypto'

/** SHA-256 hash of an id. It replaces the id in memory, in the store and in the log. */
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** Key of a revocation of all tokens of a user. */
export const userKey = (id: string): string => `user-${hashOf(id)}`

/** Key of a revocation of one token. */
export const tokenKey = (id: string): string => `token-${hashOf(id)}`

/**
 * Key of a revocation of one session. It begins with the node that owns the session, and only that node looks for the
 * session. An empty id gives the beginning of the keys of a node.
 */
export const sessionKey = (owner: string, id: string): string =>
  `session-${owner}-${id === '' ? '' : hashOf(id)}`
