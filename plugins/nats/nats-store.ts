import type { KV } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Store } from '../../core/cluster/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { assertLine } from './control-line.ts'

/** A value in a bucket. NATS has one maximum age for a whole bucket, so each value stores its own expiry. */
interface StoredValue {
  readonly value: unknown
  /** Milliseconds since 1970. */
  readonly until: number
}

interface Bucket {
  readonly kv: KV
  /** Milliseconds after which NATS deletes a value; 0: never. */
  maxAge: number
}

const NANOSECONDS_PER_MS = 1e6

/**
 * The store of `nats()`: keeps values in JetStream KV buckets. Without JetStream it keeps nothing, and logs that once.
 */
export class NatsStore implements Store {
  readonly #connection: () => NatsConnection | undefined
  readonly #prefix: string
  readonly #log: Logger
  readonly #buckets = new Map<string, Promise<Bucket | undefined>>()
  #unavailable = false

  /** @param prefix the beginning of the buckets' names */
  constructor(connection: () => NatsConnection | undefined, prefix: string, log: Logger) {
    this.#connection = connection
    this.#prefix = prefix
    this.#log = log
  }

  async put(bucket: string, key: string, value: unknown, ttl: number): Promise<void> {
    assertLine(`$KV.${this.#nameOf(bucket)}.${encode(key)}`)
    const opened = await this.#open(bucket, ttl)
    if (!opened) return
    if (opened.maxAge !== 0 && opened.maxAge < ttl) await this.#extendMaxAge(bucket, opened, ttl)
    const stored: StoredValue = { value, until: Date.now() + ttl }
    await opened.kv.put(encode(key), JSON.stringify(stored))
  }

  async entries(bucket: string): Promise<readonly (readonly [key: string, value: unknown])[]> {
    const opened = await this.#open(bucket)
    if (!opened) return []
    const found: (readonly [string, unknown])[] = []
    for await (const entry of await opened.kv.history()) {
      const { value, until } =
        entry.operation === 'PUT' ? entry.json<StoredValue>() : { value: undefined, until: 0 }
      if (until > Date.now()) found.push([decode(entry.key), value])
    }
    return found
  }

  /** Opens a bucket. Creates it if `ttl` is given; otherwise returns undefined for a bucket that does not exist. */
  async #open(bucket: string, ttl?: number): Promise<Bucket | undefined> {
    if (this.#unavailable) return undefined
    let opening = this.#buckets.get(bucket)
    try {
      const known = await opening
      if (known) return known
      opening = this.#openBucket(bucket, ttl)
      this.#buckets.set(bucket, opening)
      return await opening
    } catch (error) {
      if (this.#buckets.get(bucket) === opening) this.#buckets.delete(bucket)
      if (!isUnavailable(error)) throw error
      if (!this.#unavailable) {
        this.#log.warn({ err: error, bucket }, 'without JetStream, values are lost when the nodes stop')
      }
      this.#unavailable = true
      return undefined
    }
  }

  async #openBucket(bucket: string, ttl: number | undefined): Promise<Bucket | undefined> {
    const nats = this.#connection()
    if (!nats) throw new RookeryError('cluster_unavailable')
    const name = this.#nameOf(bucket)
    // Optional packages, which an app needs only if a plugin stores values.
    const [{ Kvm }, { jetstreamManager }] = await Promise.all([
      import('@nats-io/kv'),
      import('@nats-io/jetstream'),
    ])
    const manager = await jetstreamManager(nats)
    if (ttl === undefined) {
      const names = await manager.streams.names(`$KV.${name}.>`).next()
      if (names.length === 0) return undefined
    }
    const kv = await new Kvm(nats).create(name, { history: 1, ...(ttl !== undefined && { ttl }) })
    return { kv, maxAge: (await kv.status()).ttl }
  }

  /** Raises the maximum age of a bucket. */
  async #extendMaxAge(bucket: string, opened: Bucket, ttl: number): Promise<void> {
    const { jetstreamManager } = await import('@nats-io/jetstream')
    const nats = this.#connection()
    if (!nats) throw new RookeryError('cluster_unavailable')
    const manager = await jetstreamManager(nats)
    await manager.streams.update(`KV_${this.#nameOf(bucket)}`, {
      max_age: Math.ceil(ttl) * NANOSECONDS_PER_MS,
    })
    opened.maxAge = ttl
  }

  #nameOf(bucket: string): string {
    return `${this.#prefix.replaceAll('.', '--')}_${bucket}`
  }
}

/** Encodes a key, because NATS allows few characters in one. */
const encode = (key: string): string => Buffer.from(key).toString('base64url')
const decode = (key: string): string => Buffer.from(key, 'base64url').toString()

/** Whether the server has no JetStream, the account may not use it, or the packages for it are not installed. */
const isUnavailable = (error: unknown): boolean => {
  const { name, code } = error as { name?: unknown; code?: unknown }
  return name === 'JetStreamNotEnabled' || code === 10039 || code === 'ERR_MODULE_NOT_FOUND'
}
