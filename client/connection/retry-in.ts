import type { CloseFrame } from '../../core/protocol/protocol.ts'
import { MAX_TIMEOUT_MS } from '../util/option-values.ts'

/**
 * Reads `reconnectAfter` of a close frame. A value that is no valid time counts as absent.
 *
 * @returns milliseconds until the next attempt; null: make no further attempt; undefined: the server named no time
 */
export const retryInOf = ({ reconnectAfter }: CloseFrame): number | null | undefined => {
  if (reconnectAfter === null) return null
  return reconnectAfter >= 0 && reconnectAfter <= MAX_TIMEOUT_MS ? reconnectAfter : undefined
}
