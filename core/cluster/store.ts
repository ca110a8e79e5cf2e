import { createToken } from '../util/token.ts'

/**
 * Stores small values for all nodes. The values outlive the nodes. A cluster plugin may provide it; plugins that use
 * it must also work without it.
 */
export interface Store {
  /**
   * Stores a value under a key of a bucket. Replaces an earlier value.
   *
   * @throws `invalid_topic` if the key is too long; 2,000 bytes always fit
   *
   * @param bucket letters, digits, `_` and `-`
   * @param value plain JSON
   * @param ttl milliseconds until the value may be deleted
   */
  put(bucket: string, key: string, value: unknown, ttl: number): Promise<void>
  /** Returns the entries of a bucket, in no particular order. */
  entries(bucket: string): Promise<readonly (readonly [key: string, value: unknown])[]>
}

export const Store = createToken<Store>('Store', "nats() from 'rookery/nats'")
