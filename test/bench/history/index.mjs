import { measureMemory } from './memory.mjs'
import { measurePublish } from './publish.mjs'
import { measureReplay } from './replay.mjs'

/**
 * Parts of the benchmark of the history, by name.
 *
 * @type {Readonly<Record<string, import('../parts.mjs').Part>>}
 */
export const historyParts = {
  'history-publish': {
    title: 'Publishing to 10 subscribers',
    measure: (quick) => measurePublish(quick ? { rounds: 2, millis: 200 } : { rounds: 7, millis: 1000 }),
  },
  'history-replay': {
    title: 'Clients that come back at the same time',
    measure: (quick) =>
      measureReplay(
        quick
          ? { rounds: 1, clients: 200, missed: 100, rooms: 20 }
          : { rounds: 5, clients: 1000, missed: 100, rooms: 100 },
      ),
  },
  'history-memory': {
    title: 'Memory of a kept message of 200 bytes',
    measure: (quick) =>
      measureMemory(
        quick
          ? { rounds: 1, messages: 20_000, topics: 2000 }
          : { rounds: 3, messages: 100_000, topics: 10_000 },
      ),
  },
}
