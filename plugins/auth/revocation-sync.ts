import { setTimeout as pause } from 'node:timers/promises'
import type { Nodes } from '../../core/cluster/nodes.ts'
import type { Store } from '../../core/cluster/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import { within } from '../../core/util/promises.ts'
import { isRevocation, type Revocation, RevocationList } from './revocation-list.ts'

/** Time for a node to answer. */
const NODE_TIMEOUT_MS = 1000
/** Requests that a node may fail to answer before this node logs it and pauses. */
const MAX_FAILED_REQUESTS = 3
/** Longest time that the start waits for revocations. Loading goes on after it. */
const START_WAIT_MS = 3000
/** Longest time that `revoke` and `stop` wait for the store. Saving goes on after it. */
const SAVE_WAIT_MS = 1000
/** Time between two attempts to reach the store or a node. */
const RETRY_INTERVAL_MS = 2000
/** Time between two comparisons with the store. A server that was restored from a backup may have lost revocations. */
const COMPARE_INTERVAL_MS = 300_000
/** Revocations that are applied in one turn of the event loop, and values that are saved at once. */
const SLICE = 500
/** Revocations of at most this time have a bucket of their own, so that the store soon forgets them. */
const SHORT_MS = 3_600_000
const BUCKETS = { short: 'revocations-1h', long: 'revocations' }

const nothingToReport = () => new RookeryError('internal')

/** Revocations in an answer of a node. */
export const revocationsIn = (message: unknown): readonly Revocation[] => {
  const items = (message as { items?: unknown } | null)?.items
  return Array.isArray(items) ? items.filter(isRevocation) : []
}

/** Keeps the revocations of this node, of the other nodes and of the store the same. */
export class RevocationSync {
  readonly #cluster: Nodes
  readonly #revocations: RevocationList
  readonly #apply: (revocations: readonly Revocation[]) => void
  readonly #log: () => Logger
  readonly #stopped = new AbortController()
  #store: Store | undefined
  #started = false
  #loaded = false
  /** The comparison under way, and whether another one is due after it. */
  #comparing: Promise<void> | undefined
  #compareAgain = false
  #timer: NodeJS.Timeout | undefined
  /** Keys of revocations that the store does not have yet, all of them in the list. */
  readonly #unsaved = new Set<string>()
  readonly #saving = new Set<Promise<void>>()
  #failureReported = false

  /** @param apply adds revocations to the list and closes their sessions */
  constructor(
    cluster: Nodes,
    revocations: RevocationList,
    apply: (revocations: readonly Revocation[]) => void,
    log: () => Logger,
  ) {
    this.#cluster = cluster
    this.#revocations = revocations
    this.#apply = apply
    this.#log = log
    cluster.onChange((node, change) => {
      if (this.#started && change !== 'left') void this.#fetchFrom(node)
    })
    cluster.onConnection((connected) => {
      if (this.#started && connected) void this.#compare()
    })
  }

  /** Whether the stored revocations have been read since the start. */
  get loaded(): boolean {
    return this.#loaded
  }

  /** Fetches earlier revocations from the store and from the other nodes. Waits for them for a limited time. */
  async start(store: Store | undefined): Promise<void> {
    const cluster = this.#cluster
    this.#store = store
    this.#started = true
    const others = cluster.nodes().filter((node) => node !== cluster.node)
    const all = Promise.all([this.#compare(), ...others.map((node) => this.#fetchFrom(node))])
    await within(START_WAIT_MS, all, nothingToReport).catch(() =>
      this.#log().warn(
        'the start does not wait any longer for earlier revocations; they are still being loaded',
      ),
    )
  }

  /** Waits for a limited time until revocations that are being saved are stored. */
  async stop(): Promise<void> {
    this.#started = false
    this.#stopped.abort()
    clearTimeout(this.#timer)
    await within(SAVE_WAIT_MS, Promise.all(this.#saving), nothingToReport).catch(() => {})
  }

  /** Stores a revocation of the list. If that fails, tries again until it succeeds. Never rejects. */
  async save(key: string): Promise<void> {
    if (!this.#store) return
    this.#unsaved.add(key)
    const saving = this.#put(key).catch((error) => this.#failed(error, 'a revocation could not be stored'))
    this.#saving.add(saving)
    void saving.then(() => this.#saving.delete(saving))
    await within(SAVE_WAIT_MS, saving, nothingToReport).catch(() => {})
  }

  async #put(key: string): Promise<void> {
    const revocation = this.#revocations.get(key)
    const ttl = revocation ? revocation.until - Date.now() : 0
    if (ttl > 0) await this.#store?.put(ttl > SHORT_MS ? BUCKETS.long : BUCKETS.short, key, revocation, ttl)
    // Unless the revocation has changed meanwhile.
    if (this.#revocations.get(key) === revocation) this.#unsaved.delete(key)
  }

  /** Reads the store, and stores what it does not have. Does so again when the store may have changed. Never rejects. */
  #compare(): Promise<void> {
    if (this.#comparing) {
      this.#compareAgain = true
      return this.#comparing
    }
    clearTimeout(this.#timer)
    const next = (ms: number) => {
      this.#comparing = undefined
      if (!this.#started || !this.#store) return
      this.#timer = setTimeout(() => void this.#compare(), this.#compareAgain ? 0 : ms).unref()
      this.#compareAgain = false
    }
    const compared = () => {
      this.#loaded = true
      this.#failureReported = false
      next(COMPARE_INTERVAL_MS)
    }
    this.#comparing = this.#compareOnce().then(compared, (error) => {
      next(RETRY_INTERVAL_MS)
      this.#failed(error, 'the stored revocations could not be read, or revocations could not be stored')
    })
    return this.#comparing
  }

  async #compareOnce(): Promise<void> {
    const stored = new RevocationList()
    const now = Date.now()
    for (const bucket of Object.values(BUCKETS)) {
      const values = ((await this.#store?.entries(bucket)) ?? [])
        .map(([, value]) => value)
        .filter(isRevocation)
      for (let from = 0; from < values.length && this.#started; from += SLICE) {
        const slice = values.slice(from, from + SLICE)
        for (const revocation of slice) stored.add(revocation, now)
        this.#apply(slice)
        await pause(0)
      }
    }
    if (!this.#store) return
    for (const { key, before, until } of this.#revocations) {
      const known = stored.get(key)
      if (until > now && (known?.before !== before || known.until !== until)) this.#unsaved.add(key)
    }
    const keys = [...this.#unsaved]
    for (let from = 0; from < keys.length && this.#started; from += SLICE) {
      await Promise.all(keys.slice(from, from + SLICE).map((key) => this.#put(key)))
    }
  }

  /** Reports the first failure of an outage of the store, and tries again soon. */
  #failed(error: unknown, message: string): void {
    if (!this.#started) return
    if (!this.#failureReported) this.#log().error({ err: error, stage: 'auth' }, `${message}; trying again`)
    this.#failureReported = true
    if (this.#comparing) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#compare(), RETRY_INTERVAL_MS).unref()
  }

  /** Fetches the revocations that another node knows, page by page, until it has answered or left. */
  async #fetchFrom(node: string): Promise<void> {
    const cluster = this.#cluster
    let after: number | null = 0
    for (let failures = 0; after !== null && this.#started && cluster.nodes().includes(node); ) {
      try {
        const page = await cluster.askNode(node, 'auth.revocations', { after }, NODE_TIMEOUT_MS)
        this.#apply(revocationsIn(page))
        const { next } = page as { next?: unknown }
        after = typeof next === 'number' && next > after ? next : null
      } catch (error) {
        if ((error as { code?: unknown } | null)?.code === 'unknown_topic') return
        if (++failures < MAX_FAILED_REQUESTS) continue
        if (failures === MAX_FAILED_REQUESTS) {
          const fields = { err: error, node }
          this.#log().warn(fields, 'the revocations of a node could not be fetched; trying again')
        }
        await pause(RETRY_INTERVAL_MS, undefined, { ref: false, signal: this.#stopped.signal }).catch(
          () => {},
        )
      }
    }
  }
}
