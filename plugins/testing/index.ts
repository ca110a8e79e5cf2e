export { transportConformance } from './conformance.ts'
export { MemoryCluster } from './memory-cluster.ts'
export type { Capability, ConformanceOptions, Peer, PeerHandshake } from './options.ts'
