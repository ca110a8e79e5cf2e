import type { StoreHost } from '../../../client/store/handle-store.ts'
import type { TopicSource } from '../../../client/store/topic-store.ts'
import { TopicStore } from '../../../client/store/topic-store.ts'
import { clientOf, MemoryTransport } from '../client/support.ts'

/** Milliseconds for which the stores of the tests keep their handles. */
export const LINGER_MS = 1_000

/** A host of stores with a client whose server is a transport in memory. */
export const createHost = () => {
  const transport = new MemoryTransport()
  transport.obliging = true
  const client = clientOf({ url: 'http://localhost:3000', transports: [transport] })
  const host: StoreHost = { client, linger: LINGER_MS, shared: new Map() }
  return {
    transport,
    client,
    host,
    /** The frames of the current connection, as `subscribe news`. */
    frames: () =>
      transport.peer.frames.map((frame) =>
        frame.type === 'subscribe' || frame.type === 'unsubscribe'
          ? `${frame.type} ${frame.topics.join()}`
          : ((frame as { topic?: string }).topic ?? frame.type),
      ),
    publish: (topic: string, payload: unknown) => transport.peer.message({ topic, payload }),
    topic: (source: TopicSource = {}, { pattern = 'news', data, key }: Partial<TopicArgs> = {}) =>
      new TopicStore(host, pattern, data, source, key),
  }
}

interface TopicArgs {
  readonly pattern: string | null
  readonly data: unknown
  readonly key: string
}

/** Counts the changes of a store. */
export const watch = (store: { subscribe(listener: () => void): () => void }) => {
  const seen = { changes: 0, stop: () => {} }
  seen.stop = store.subscribe(() => {
    seen.changes++
  })
  return seen
}
