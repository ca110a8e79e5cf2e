import { setImmediate as nextTurn } from 'node:timers/promises'
import type { JetStreamManager } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Store } from '../../core/cluster/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { unavailable } from './connect.ts'
import { assertLine } from './control-line.ts'
import {
  adviceFor,
  hasCode,
  isUnavailable,
  NAME_IN_USE,
  NANOSECONDS_PER_MS,
  REPLICAS,
  TOO_FEW_SERVERS,
} from './jetstream.ts'

/** A value in a bucket. NATS has one maximum age for a whole bucket, so each value stores its own expiry. */
interface StoredValue {
  readonly value: unknown
  /** Milliseconds since 1970. */
  readonly until: number
}

interface Bucket {
  readonly kv: KV
  readonly manager: JetStreamManager
  /** Milliseconds after which NATS deletes a value; 0: never. */
  maxAge: number
}

/** Time after which a store without JetStream looks for JetStream again. */
const UNAVAILABLE_PAUSE_MS = 10_000
/** Entries that are read in one turn of the event loop. */
const YIELD_ENTRIES = 500
/** Longest wait for the next entry of a bucket. */
const ENTRY_WAIT_MS = 10_000

/**
 * The store of `nats()`: keeps values in JetStream KV buckets. Without JetStream it keeps nothing, and logs that once.
 */
export class NatsStore implements Store {
  readonly #connection: () => NatsConnection | undefined
  readonly #prefix: string
  readonly #log: Logger
  readonly #buckets = new Map<string, Promise<Bucket | undefined>>()
  #unavailableSince = Number.NEGATIVE_INFINITY
  #warned = false

  /** @param prefix the beginning of the buckets' names */
  constructor(connection: () => NatsConnection | undefined, prefix: string, log: Logger) {
    this.#connection = connection
    this.#prefix = prefix
    this.#log = log
  }

  async put(bucket: string, key: string, value: unknown, ttl: number): Promise<void> {
    assertLine(`$KV.${this.#nameOf(bucket)}.${encode(key)}`)
    const opened = await this.#open(bucket, maxAgeFor(ttl))
    if (!opened) return
    try {
      await this.#extendMaxAge(bucket, opened, maxAgeFor(ttl))
      const stored: StoredValue = { value, until: Date.now() + ttl }
      await opened.kv.put(encode(key), JSON.stringify(stored))
    } catch (error) {
      // The bucket may be gone: the next call opens it again.
      this.#buckets.delete(bucket)
      throw error
    }
  }

  async entries(bucket: string): Promise<readonly (readonly [key: string, value: unknown])[]> {
    // Opens the bucket again, because the number of NATS servers may have changed.
    this.#buckets.delete(bucket)
    const opened = await this.#open(bucket)
    if (!opened) return []
    const found: (readonly [string, unknown])[] = []
    const history = await opened.kv.history()
    const watchdog = setTimeout(() => history.stop(), ENTRY_WAIT_MS)
    let left = 0
    let read = 0
    try {
      for await (const entry of history) {
        watchdog.refresh()
        left = entry.delta ?? 0
        const { value, until } =
          entry.operation === 'PUT' ? entry.json<StoredValue>() : { value: undefined, until: 0 }
        if (until > Date.now()) found.push([decode(entry.key), value])
        if (++read % YIELD_ENTRIES === 0) await nextTurn()
      }
    } finally {
      clearTimeout(watchdog)
    }
    if (left > 0) throw unavailable(`JetStream has stopped sending the bucket '${bucket}'`)
    return found
  }

  /** Opens a bucket. Creates it if `maxAge` is given; otherwise returns undefined for a bucket that does not exist. */
  async #open(bucket: string, maxAge?: number): Promise<Bucket | undefined> {
    if (performance.now() - this.#unavailableSince < UNAVAILABLE_PAUSE_MS) return undefined
    let opening = this.#buckets.get(bucket)
    try {
      const known = await opening
      if (known) return known
      opening = this.#openBucket(bucket, maxAge)
      this.#buckets.set(bucket, opening)
      return await opening
    } catch (error) {
      if (this.#buckets.get(bucket) === opening) this.#buckets.delete(bucket)
      if (!isUnavailable(error)) throw error
      if (!this.#warned) {
        const advice = adviceFor(error, "'@nats-io/jetstream' and '@nats-io/kv'")
        this.#log.warn(
          { err: error, bucket },
          `without JetStream, values are lost when the nodes stop: ${advice}`,
        )
      }
      this.#warned = true
      this.#unavailableSince = performance.now()
      return undefined
    }
  }

  async #openBucket(bucket: string, maxAge: number | undefined): Promise<Bucket | undefined> {
    const nats = this.#connection()
    if (!nats) throw new RookeryError('cluster_unavailable')
    const name = this.#nameOf(bucket)
    // Optional packages, which an app needs only if a plugin stores values.
    const [{ Kvm }, { jetstreamManager }] = await Promise.all([
      import('@nats-io/kv'),
      import('@nats-io/jetstream'),
    ])
    const manager = await jetstreamManager(nats)
    if (maxAge === undefined) {
      const names = await manager.streams.names(`$KV.${name}.>`).next()
      if (names.length === 0) return undefined
    }
    const create = (replicas: number) =>
      new Kvm(nats).create(name, { history: 1, replicas, ...(maxAge !== undefined && { ttl: maxAge }) })
    const kv = await create(REPLICAS).catch((error) => {
      // Another node may have created the bucket meanwhile, with another maximum age.
      if (hasCode(error, NAME_IN_USE)) return create(REPLICAS)
      if (hasCode(error, ...TOO_FEW_SERVERS)) return create(1)
      throw error
    })
    const { ttl, replicas } = await kv.status()
    // A server that is not in a cluster would take the update, although it cannot make copies.
    if (replicas < REPLICAS && nats.info?.cluster) await this.#replicate(manager, name)
    return { kv, manager, maxAge: ttl }
  }

  /** Gives a bucket of a single NATS server more copies, if there are more servers by now. */
  async #replicate(manager: JetStreamManager, name: string): Promise<void> {
    try {
      await manager.streams.update(`KV_${name}`, { num_replicas: REPLICAS })
    } catch (error) {
      this.#log.debug({ err: error, bucket: name }, 'a bucket could not be given more replicas')
    }
  }

  async #extendMaxAge(bucket: string, opened: Bucket, maxAge: number): Promise<void> {
    if (opened.maxAge === 0 || opened.maxAge >= maxAge) return
    await opened.manager.streams.update(`KV_${this.#nameOf(bucket)}`, {
      max_age: maxAge * NANOSECONDS_PER_MS,
    })
    opened.maxAge = maxAge
  }

  #nameOf(bucket: string): string {
    return `${this.#prefix.replaceAll('.', '--')}_${bucket}`
  }
}

/**
 * The maximum age of a bucket for values with a lifetime: a power of two in minutes, so that few lifetimes change the
 * bucket.
 */
const maxAgeFor = (ttl: number): number => 60_000 * 2 ** Math.max(0, Math.ceil(Math.log2(ttl / 60_000)))

/** Encodes a key, because NATS allows few characters in one. */
const encode = (key: string): string => Buffer.from(key).toString('base64url')
const decode = (key: string): string => Buffer.from(key, 'base64url').toString()
