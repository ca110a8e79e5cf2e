export { clusterConformance } from '../cluster/cluster-conformance.ts'
export type {
  ClusterCapability,
  ClusterConformanceOptions,
  ClusterEnvironment,
} from '../cluster/cluster-options.ts'
export { historyConformance } from '../history/history-conformance.ts'
export type {
  HistoryCapability,
  HistoryConformanceOptions,
  HistoryEnvironment,
} from '../history/history-options.ts'
export { transportConformance } from '../transport/transport-conformance.ts'
export type { Capability, ConformanceOptions, Peer, PeerHandshake } from '../transport/transport-options.ts'
