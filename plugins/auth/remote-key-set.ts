import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'

/** Time for the key server to answer. A handshake may take twice as long by default. */
const KEY_SERVER_TIMEOUT_MS = 5000
/** Time after a failed request during which the key server is not asked again. */
const KEY_SERVER_PAUSE_MS = 1000
/** How long the last keys serve while the key server cannot be reached: as long as a token may be valid by default. */
const MAX_STALE_MS = 24 * 3_600_000

type Token = Parameters<JWTVerifyGetKey>
type Key = Awaited<ReturnType<JWTVerifyGetKey>>

/**
 * A key set from a URL. `jose` fetches it again when it is ten minutes old, or when a token names a key that is not in
 * it, at most every 30 s. While the key server cannot be reached, the last keys serve.
 *
 * The returned function throws `auth_unavailable` if a later attempt may find the key.
 */
export const remoteKeySet = (url: URL, log: () => Logger): JWTVerifyGetKey => {
  const set = new RemoteKeySet(url, log)
  return (...token) => set.find(token)
}

class RemoteKeySet {
  readonly #url: URL
  readonly #log: () => Logger
  readonly #remote: ReturnType<typeof createRemoteJWKSet>
  /** When the key set was known to be at most ten minutes old. */
  #freshAt = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY
  /** The keys that serve since the last attempt to fetch has failed. */
  #stale: JWTVerifyGetKey | undefined

  constructor(url: URL, log: () => Logger) {
    this.#url = url
    this.#log = log
    this.#remote = createRemoteJWKSet(url, { timeoutDuration: KEY_SERVER_TIMEOUT_MS })
  }

  async find(token: Token): Promise<Key> {
    const paused = performance.now() - this.#failedAt < KEY_SERVER_PAUSE_MS
    const stale = this.#staleKeys()
    if (stale) {
      // A handshake does not wait for a server that has just failed.
      if (!paused && !this.#remote.reloading) void this.#fetch()
      return await findStale(stale, token)
    }
    if (!this.#remote.fresh && paused) throw new RookeryError('auth_unavailable')
    const { coolingDown } = this.#remote
    try {
      const key = await this.#remote(...token)
      this.#fetched()
      return key
    } catch (error) {
      // The key may be newer than the set, which is not fetched again so soon.
      if (error instanceof errors.JWKSNoMatchingKey && coolingDown) throw new RookeryError('auth_unavailable')
      if (isTokenError(error)) {
        this.#fetched()
        throw error
      }
      this.#failed(error)
      const left = this.#staleKeys()
      if (left) return await findStale(left, token)
      throw new RookeryError('auth_unavailable')
    }
  }

  async #fetch(): Promise<void> {
    try {
      await this.#remote.reload()
      this.#fetched()
    } catch (error) {
      this.#failed(error)
    }
  }

  #fetched(): void {
    this.#freshAt = performance.now()
    this.#stale = undefined
  }

  #failed(error: unknown): void {
    const now = performance.now()
    // Many handshakes may have waited for the same answer.
    if (now - this.#failedAt > KEY_SERVER_PAUSE_MS)
      this.#log().warn({ err: error, jwks: this.#url.href }, 'the key set cannot be fetched')
    this.#failedAt = now
    const keys = this.#remote.jwks()
    if (keys && this.#freshAt > Number.NEGATIVE_INFINITY) this.#stale ??= createLocalJWKSet(keys)
  }

  #staleKeys(): JWTVerifyGetKey | undefined {
    return performance.now() - this.#freshAt < MAX_STALE_MS ? this.#stale : undefined
  }
}

const findStale = async (keys: JWTVerifyGetKey, token: Token): Promise<Key> => {
  try {
    return await keys(...token)
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) throw new RookeryError('auth_unavailable')
    throw error
  }
}

/** Whether the error says that no key fits the token. Any other error says that the key set could not be fetched. */
const isTokenError = (error: unknown): boolean =>
  [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported].some(
    (kind) => error instanceof kind,
  )
