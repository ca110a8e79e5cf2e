import { addressing } from './cases/addressing.ts'
import { contents } from './cases/contents.ts'
import { delivery } from './cases/delivery.ts'
import { groups } from './cases/groups.ts'
import { listeners } from './cases/listeners.ts'
import { membership } from './cases/membership.ts'
import { messageKinds } from './cases/message-kinds.ts'
import { order } from './cases/order.ts'
import { partition } from './cases/partition.ts'
import { questions } from './cases/questions.ts'
import { stopping } from './cases/stopping.ts'
import type { ClusterCase } from './cluster-case.ts'

/** Every promise of the contract of a cluster backend. */
export const clusterCases: readonly ClusterCase[] = [
  ...membership,
  ...contents,
  ...delivery,
  ...order,
  ...addressing,
  ...questions,
  ...listeners,
  ...groups,
  ...messageKinds,
  ...partition,
  ...stopping,
]
