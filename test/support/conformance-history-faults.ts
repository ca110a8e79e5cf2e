import { randomUUID } from 'node:crypto'
import type { HistoryStore, HistoryStoreHost, KeptMessage } from '../../core/history/store.ts'
import type { HistoryFault } from './conformance-history.ts'

/** Timers that faults leave open. The test clears them. */
export const leftovers: NodeJS.Timeout[] = []

const storing = (store: NonNullable<HistoryFault['store']>) => (): HistoryFault => ({ store })

const delivering = (deliver: (message: KeptMessage, host: HistoryStoreHost) => void) => (): HistoryFault => ({
  host: (host) => ({ deliver: (message) => deliver(message, host) }),
})

/** A store that changes the messages that it reads. */
const reading = (change: (found: readonly KeptMessage[]) => readonly KeptMessage[]) =>
  storing((store) => ({
    read: async (...args) => {
      const found = await store.read(...args)
      return found && change(found)
    },
    readLast: async (...args) => change(await store.readLast(...args)),
  }))

/** Keeps the limits from the store. */
const unlimited = (name: 'maxMessages' | 'maxBytes' | 'maxAge') => (): HistoryFault => ({
  host: ({ limits }) => ({ limits: { ...limits, [name]: 1e9 } }),
})

/** Faults of a store, each in one way. */
export const historyFaults = {
  'begins with 0': storing((store) => ({ append: async (...args) => (await store.append(...args)) - 1 })),
  'delivers every message twice': delivering((message, host) => {
    host.deliver(message)
    host.deliver(message)
  }),
  'drops every 20th message': delivering((message, host) => {
    if (message.seq % 20 !== 0) host.deliver(message)
  }),
  'delivers only messages of its own node': () => {
    const own = new Set<string | undefined>()
    return {
      store: (store) => ({
        append: (message, id) => {
          own.add(message.payload)
          return store.append(message, id)
        },
      }),
      host: (host) => ({
        deliver: (message) => {
          if (own.has(message.payload)) host.deliver(message)
        },
      }),
    }
  },
  'delivers inside append': () => {
    let host: HistoryStoreHost | undefined
    return {
      host: (given) => {
        host = given
        return { deliver: () => {} }
      },
      store: (store) => ({
        append: (message, id) => {
          host?.deliver({ ...message, seq: store.delivered + 1, time: Date.now() })
          return store.append(message, id)
        },
      }),
    }
  },
  'starts at number 0': storing(() => ({ delivered: 0 })),
  'drops except': delivering((message, host) => host.deliver({ ...message, except: null })),
  'drops all topics but the first when it reads': reading((found) =>
    found.map((message) => ({ ...message, topics: message.topics.slice(0, 1) })),
  ),
  'has times of its own': delivering((message, host) =>
    host.deliver({ ...message, time: message.time - message.seq * 1000 }),
  ),
  'ignores ids': storing((store) => ({ append: (message) => store.append(message) })),
  'trims ids': storing((store) => ({
    append: (message, id) => store.append(message, id?.trim().slice(0, 100)),
  })),
  'knows the ids of its own node only': () => {
    const node = randomUUID()
    return { store: (store) => ({ append: (message, id) => store.append(message, id && `${node} ${id}`) }) }
  },
  'ignores the limit': storing((store) => ({
    read: (patterns, range) => store.read(patterns, { ...range, limit: 1e9 }),
  })),
  'matches the first topic only': storing((store) => {
    const filter = (found: readonly KeptMessage[] | undefined) =>
      found?.filter(({ topics }) => topics.length === 1) as readonly KeptMessage[]
    return {
      read: async (...args) => filter(await store.read(...args)),
      readLast: async (...args) => filter(await store.readLast(...args)),
    }
  }),
  'returns the newest first': storing((store) => ({
    readLast: async (...args) => (await store.readLast(...args)).toReversed(),
  })),
  'counts the message at the time, too': storing((store) => ({
    before: async (time) => Math.min(store.delivered, (await store.before(time)) + 1),
  })),
  'returns what is left of a range': storing((store) => ({
    read: async (patterns, range) =>
      await store.read(patterns, { ...range, after: Math.max(range.after, (await store.first()) - 1) }),
  })),
  'counts first from 0': storing((store) => ({ first: async () => (await store.first()) - 1 })),
  'ignores maxMessages': unlimited('maxMessages'),
  'ignores maxBytes': unlimited('maxBytes'),
  'ignores maxAge': unlimited('maxAge'),
  'has no epoch': storing(() => ({ epoch: '' })),
  'has a key of its own': () => {
    const key = Buffer.from(randomUUID()).subarray(0, 16)
    return { store: () => ({ key }) }
  },
  'does not tell of a new stream': () => ({ host: () => ({ lost: () => {} }) }),
  'keeps its first epoch': () => {
    let epoch = ''
    return {
      store: (store: HistoryStore) => ({
        get epoch() {
          epoch ||= store.epoch
          return epoch
        },
      }),
    }
  },
  'resolves after stop': storing((store) => ({ first: () => store.first().catch(() => 1) })),
  'needs a start before its stop': () => {
    let isStarted = false
    return {
      host: () => {
        isStarted = true
        return {}
      },
      store: (store) => ({
        stop: async () => {
          if (!isStarted) throw new Error('not started')
          await store.stop()
        },
      }),
    }
  },
  'leaves a timer': () => ({
    host: () => {
      // Several, because timers of the test itself may end meanwhile.
      for (let n = 0; n < 5; n++) leftovers.push(setInterval(() => {}, 60_000))
      return {}
    },
  }),
} satisfies Record<string, () => HistoryFault>
