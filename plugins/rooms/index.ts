export { type RoomsOptions, rooms } from './plugin.ts'
export { type LeaveReason, type Member, type MemberList, Rooms } from './tokens.ts'
