import { createToken } from '../util/token.ts'

/**
 * Keeps small things for all nodes, beyond the life of any of them. Provided by whoever joins the nodes, if it can; for
 * plugins that do without where nobody does.
 */
export interface Store {
  /**
   * Keeps a value, which is plain JSON, under a key of a bucket, in place of the one before.
   *
   * @param bucket letters, digits, `_` and `-`
   * @param ttl milliseconds until it may be forgotten
   */
  put(bucket: string, key: string, value: unknown, ttl: number): Promise<void>
  /** What a bucket keeps, in no particular order. */
  entries(bucket: string): Promise<readonly (readonly [key: string, value: unknown])[]>
}

export const Store = createToken<Store>('Store', "nats() from 'rookery/nats'")
