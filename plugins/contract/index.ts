export { type Merged, mergeContracts, prefixContract, type WithPrefix } from '../../core/contract/compose.ts'
export type { CallContract, Contract, JsonSchema, TopicContract } from '../../core/contract/contract.ts'
export { defineContract } from '../../core/contract/define-contract.ts'
