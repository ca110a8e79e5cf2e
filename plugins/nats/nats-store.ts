import type { KV } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Store } from '../../core/cluster/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'

/** What is kept of a value. Buckets forget all of theirs after the same time, so that each has its own too. */
interface Kept {
  readonly value: unknown
  /** Milliseconds since 1970. */
  readonly until: number
}

const NANOSECONDS = 1e6

/** Keeps values in JetStream, in a KV bucket each; without JetStream it keeps nothing, and says so once. */
export class NatsStore implements Store {
  readonly #connection: () => NatsConnection | undefined
  readonly #prefix: string
  readonly #log: Logger
  readonly #buckets = new Map<string, Promise<{ readonly kv: KV; maxAge: number } | undefined>>()
  #absent = false

  /** @param prefix what names of buckets begin with */
  constructor(connection: () => NatsConnection | undefined, prefix: string, log: Logger) {
    this.#connection = connection
    this.#prefix = prefix
    this.#log = log
  }

  async put(bucket: string, key: string, value: unknown, ttl: number): Promise<void> {
    const opened = await this.#open(bucket, ttl)
    if (!opened) return
    if (opened.maxAge !== 0 && opened.maxAge < ttl) await this.#prolong(bucket, opened, ttl)
    const kept: Kept = { value, until: Date.now() + ttl }
    await opened.kv.put(encode(key), JSON.stringify(kept))
  }

  async entries(bucket: string): Promise<readonly (readonly [key: string, value: unknown])[]> {
    const opened = await this.#open(bucket)
    if (!opened) return []
    const found: (readonly [string, unknown])[] = []
    for await (const entry of await opened.kv.history()) {
      const { value, until } = entry.operation === 'PUT' ? entry.json<Kept>() : { value: undefined, until: 0 }
      if (until > Date.now()) found.push([decode(entry.key), value])
    }
    return found
  }

  /** Opens a bucket; makes it where there is something to keep. Undefined: there is none. */
  async #open(bucket: string, ttl?: number): Promise<{ readonly kv: KV; maxAge: number } | undefined> {
    if (this.#absent) return undefined
    let opening = this.#buckets.get(bucket)
    try {
      const known = await opening
      if (known) return known
      opening = this.#reach(bucket, ttl)
      this.#buckets.set(bucket, opening)
      return await opening
    } catch (error) {
      if (this.#buckets.get(bucket) === opening) this.#buckets.delete(bucket)
      if (!isAbsent(error)) throw error
      if (!this.#absent) {
        this.#log.warn(
          { err: error, bucket },
          'without JetStream nothing is kept beyond the life of the nodes',
        )
      }
      this.#absent = true
      return undefined
    }
  }

  async #reach(
    bucket: string,
    ttl: number | undefined,
  ): Promise<{ readonly kv: KV; maxAge: number } | undefined> {
    const nats = this.#connection()
    if (!nats) throw new RookeryError('cluster_unavailable')
    const name = this.#nameOf(bucket)
    // Loaded only by those who keep something: nats() alone needs neither.
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

  /** Has a bucket keep things for longer. */
  async #prolong(bucket: string, opened: { maxAge: number }, ttl: number): Promise<void> {
    const { jetstreamManager } = await import('@nats-io/jetstream')
    const nats = this.#connection()
    if (!nats) throw new RookeryError('cluster_unavailable')
    const manager = await jetstreamManager(nats)
    await manager.streams.update(`KV_${this.#nameOf(bucket)}`, { max_age: Math.ceil(ttl) * NANOSECONDS })
    opened.maxAge = ttl
  }

  #nameOf(bucket: string): string {
    return `${this.#prefix.replaceAll('.', '--')}_${bucket}`
  }
}

/** Keys of NATS take few characters. */
const encode = (key: string): string => Buffer.from(key).toString('base64url')
const decode = (key: string): string => Buffer.from(key, 'base64url').toString()

/** The server has no JetStream, this account may not use it, or its packages are not installed. */
const isAbsent = (error: unknown): boolean => {
  const { name, code } = error as { name?: unknown; code?: unknown }
  return name === 'JetStreamNotEnabled' || code === 10039 || code === 'ERR_MODULE_NOT_FOUND'
}
