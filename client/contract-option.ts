import type { ContractIndex } from '../core/contract/contract.ts'
import { indexOf } from '../core/contract/index-key.ts'
import { invalidOption } from './util/invalid-option.ts'

/** @throws `invalid_option` if the value is not a contract of `defineContract` */
export const readContract = (contract: unknown): ContractIndex | undefined => {
  const index = indexOf(contract)
  if (contract !== undefined && !index) throw invalidOption('contract', 'from defineContract()', contract)
  return index
}
