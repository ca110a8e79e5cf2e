import type { WireError } from '../../core/protocol/errors.ts'

/** Time that a request waits for answers if it does not set a timeout. */
export const REQUEST_TIMEOUT_MS = 1000

export interface RequestHeader {
  readonly method: string
  /** Milliseconds that the asking node waits. */
  readonly timeout?: number
  /** The address of a thorough question, which goes to every node. */
  readonly to?: string
}

export interface ResponseHeader {
  readonly error?: WireError
  /** Whether the node has no session at the address of a thorough question. */
  readonly unconcerned?: boolean
}
