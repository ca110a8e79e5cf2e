import type { ContractIndex } from './contract.ts'

/** Under this key, `defineContract` adds the index to a contract. Registered, so that copies of the package share it. */
export const INDEX = /* @__PURE__ */ Symbol.for('rookery.contract')

/** Returns the index of a contract; undefined if the value is not one that `defineContract` has made. */
export const indexOf = (contract: unknown): ContractIndex | undefined =>
  (contract as { readonly [INDEX]?: ContractIndex } | null | undefined)?.[INDEX]
