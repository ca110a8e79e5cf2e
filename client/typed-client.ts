import type { Untyped } from '../core/protocol/protocol.ts'
import type { Client } from './types.ts'

/** Creates a client. Its contract is the one in the options, or the type argument. */
export interface CreateClient<Options> {
  /** With a contract that validates: listeners and callers get what its schemas return. */
  <C extends object>(options: Options & { readonly contract: C }): Client<C, 'output'>
  /** With the type of a contract: `createClient<typeof contract>()`. */
  <C = Untyped>(options?: Options): Client<C>
}
