import type { Member, MemberList } from './tokens.ts'

/** Most members in a reply to `room/join` or `room/members`. */
const MAX_LISTED_MEMBERS = 1000

/** Most bytes of the members in a reply. A session may buffer 1 MiB by default. */
const MAX_LISTED_BYTES = 256 * 1024

/** The payload of a reply that lists the members of a room. `total` tells whether members are left out. */
export const membersReply = (room: string, { items, missing }: MemberList) => {
  const members: Member[] = []
  let bytes = 0
  for (const member of items) {
    bytes += Buffer.byteLength(JSON.stringify(member)) + 1
    if (members.length === MAX_LISTED_MEMBERS || bytes > MAX_LISTED_BYTES) break
    members.push(member)
  }
  return { room, members, total: items.length, missing }
}
