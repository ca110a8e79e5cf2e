import { addressing } from './cluster-cases/addressing.ts'
import { contents } from './cluster-cases/contents.ts'
import { delivery } from './cluster-cases/delivery.ts'
import { groups } from './cluster-cases/groups.ts'
import { kinds } from './cluster-cases/kinds.ts'
import { listeners } from './cluster-cases/listeners.ts'
import { membership } from './cluster-cases/membership.ts'
import { order } from './cluster-cases/order.ts'
import { partition } from './cluster-cases/partition.ts'
import { questions } from './cluster-cases/questions.ts'
import { stopping } from './cluster-cases/stopping.ts'
import type { ClusterCase } from './cluster-trial.ts'

/** Every promise that a cluster backend makes. */
export const clusterCases: readonly ClusterCase[] = [
  ...membership,
  ...contents,
  ...delivery,
  ...order,
  ...addressing,
  ...questions,
  ...listeners,
  ...groups,
  ...kinds,
  ...partition,
  ...stopping,
]
