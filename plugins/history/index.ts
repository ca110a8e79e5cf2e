export type { History, HistoryMessage, ReadOptions } from '../../core/history/history.ts'
export type {
  HistoryLimits,
  HistoryStore,
  HistoryStoreHost,
  KeptMessage,
  NewMessage,
  ReadRange,
} from '../../core/history/store.ts'
export { createMemoryStore } from './memory-store.ts'
export type { HistoryOptions } from './options.ts'
export { history } from './plugin.ts'
