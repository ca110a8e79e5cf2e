import { RookeryError } from '../../core/protocol/errors.ts'
import type { LocalMember } from './local-members.ts'
import { isOlder, type MemberRecord } from './room-replica.ts'
import { closeAll } from './room-sessions.ts'

/**
 * Closes the sessions of a member at this node if another node has the member, too, and wins by the `members` option.
 *
 * @param node this node
 */
export const resolveConflict = (
  members: 'allow' | 'reject' | 'replace',
  node: string,
  local: LocalMember | undefined,
  other: MemberRecord & { readonly node: string },
): void => {
  // Before its announcement a join may still be rejected, and under `replace` it gets a newer time.
  if (members === 'allow' || !local?.announced) return
  if (other.client !== undefined && other.client === local.client) return
  const older = isOlder({ since: local.since, node }, other)
  if (members === 'replace' && older) closeAll(local.sessions, new RookeryError('replaced'))
  // The client may come back, because the other session may be a stale one of its own.
  if (members === 'reject' && !older)
    closeAll(local.sessions, new RookeryError('name_taken', undefined, { retryable: true }))
}
