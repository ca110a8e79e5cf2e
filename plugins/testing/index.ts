export { transportConformance } from './conformance.ts'
export type { Capability, ConformanceOptions, Peer, PeerHandshake } from './options.ts'
