import { type LocalMembers, recordOf } from './local-members.ts'
import type { MembersPage, MembersRequest } from './messages.ts'
import type { MemberRecord } from './room-replica.ts'

/** Bytes of a page. A node handles a page in about a millisecond, and NATS takes 1 MiB in one message. */
const MAX_PAGE_BYTES = 64 * 1024

/** Returns the next members of the rooms at this node, as many as fit into one page, and at least one. */
export const createPage = (local: LocalMembers, version: number, request: MembersRequest): MembersPage => {
  const rooms: (readonly [number, MemberRecord[]])[] = []
  let bytes = 0
  for (const [index, [room, after]] of request.rooms.entries()) {
    const members: MemberRecord[] = []
    let last = after
    for (const member of local.in(room)) {
      if (member.place <= after || !member.announced) continue
      const record = recordOf(member)
      bytes += Buffer.byteLength(JSON.stringify(record))
      if (bytes > MAX_PAGE_BYTES && (rooms.length > 0 || members.length > 0)) {
        if (members.length > 0) rooms.push([index, members])
        return { version, rooms, complete: index, after: last }
      }
      members.push(record)
      last = member.place
    }
    if (members.length > 0) rooms.push([index, members])
  }
  return { version, rooms, complete: request.rooms.length, after: 0 }
}
