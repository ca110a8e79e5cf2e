import type { HistoryEnvironment } from 'rookery/testing/conformance'
import type {
  HistoryStore,
  HistoryStoreHost,
  KeptMessage,
  NewMessage,
  ReadRange,
} from '../../core/history/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { MemoryStore } from '../../plugins/history/memory-store.ts'
import { overlay } from './overlay.ts'

/** Changes members of the store of a node, or of the host that it gets. Everything else works correctly. */
export interface HistoryFault {
  readonly store?: (store: HistoryStore) => Partial<HistoryStore>
  readonly host?: (host: HistoryStoreHost) => Partial<HistoryStoreHost>
}

/** A stream in memory that several stores use. */
interface SharedStream {
  current: MemoryStore | undefined
  readonly nodes: Set<SharedStore>
}

/** The store of one node, with the stream that all nodes share. */
class SharedStore implements HistoryStore {
  readonly #stream: SharedStream
  #host: HistoryStoreHost | undefined
  #delivered = 0

  constructor(stream: SharedStream) {
    this.#stream = stream
  }

  get epoch(): string {
    return this.#stream.current?.epoch ?? ''
  }

  get key(): Buffer {
    return this.#stream.current?.key ?? Buffer.alloc(16)
  }

  get delivered(): number {
    return this.#delivered
  }

  async start(host: HistoryStoreHost): Promise<void> {
    this.#host = host
    this.#stream.current ??= createStream(this.#stream, host)
    this.#delivered = this.#stream.current.delivered
    this.#stream.nodes.add(this)
    host.available(true)
  }

  async stop(): Promise<void> {
    this.#host = undefined
    this.#stream.nodes.delete(this)
    if (this.#stream.nodes.size === 0) await this.#stream.current?.stop()
  }

  take(message: KeptMessage): void {
    this.#delivered = message.seq
    this.#host?.deliver(message)
  }

  async append(message: NewMessage, id?: string): Promise<number> {
    return await this.#opened.append(message, id)
  }

  async first(): Promise<number> {
    return await this.#opened.first()
  }

  async before(time: number): Promise<number> {
    return await this.#opened.before(time)
  }

  async read(patterns: readonly string[], range: ReadRange) {
    return await this.#opened.read(patterns, range)
  }

  async readLast(patterns: readonly string[], count: number, upTo: number) {
    return await this.#opened.readLast(patterns, count, upTo)
  }

  /** The stream, created anew if it was deleted. */
  get #opened(): MemoryStore {
    if (!this.#host) throw new RookeryError('history_unavailable')
    if (!this.#stream.current) {
      this.#stream.current = createStream(this.#stream, this.#host)
      for (const node of this.#stream.nodes) node.lose()
    }
    return this.#stream.current
  }

  lose(): void {
    this.#delivered = 0
    this.#host?.lost('epoch')
  }
}

const createStream = (stream: SharedStream, { limits, log }: HistoryStoreHost): MemoryStore => {
  const created = new MemoryStore()
  const deliver = (message: KeptMessage) => {
    for (const node of stream.nodes) node.take(message)
  }
  // The memory store starts within the call.
  void created.start({ limits, log, deliver, lost: () => {}, available: () => {} })
  return created
}

const addFault = (store: HistoryStore, fault: HistoryFault): HistoryStore => {
  const start = (host: HistoryStoreHost) => store.start(overlay(host, fault.host?.(host)))
  return overlay(overlay(store, { start }), fault.store?.(store))
}

/** Creates an environment of stores with one stream in memory. @param makeFault creates the fault of each store */
export const sharedMemory = (makeFault: () => HistoryFault = () => ({})): HistoryEnvironment => {
  const stream: SharedStream = { current: undefined, nodes: new Set() }
  return {
    create: () => addFault(new SharedStore(stream), makeFault()),
    recreate: async () => {
      await stream.current?.stop()
      stream.current = undefined
    },
  }
}
