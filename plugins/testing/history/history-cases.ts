import { contents } from './cases/contents.ts'
import { expiry } from './cases/expiry.ts'
import { ids } from './cases/ids.ts'
import { lifecycle } from './cases/lifecycle.ts'
import { order } from './cases/order.ts'
import { reads } from './cases/reads.ts'
import type { HistoryCase } from './history-case.ts'

/** Every promise of the contract of a store. */
export const historyCases: readonly HistoryCase[] = [
  ...order,
  ...contents,
  ...ids,
  ...reads,
  ...expiry,
  ...lifecycle,
]
