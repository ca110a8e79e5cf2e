export type { ErrorCode, Issue } from '../../core/protocol/errors.ts'
export { RookeryError } from '../../core/protocol/errors.ts'
export type { GapReason, Untyped, User } from '../../core/protocol/protocol.ts'
export { parseSegment, type SegmentValue, segment, topic } from '../../core/topics/segment.ts'
export type { CallOptions, SendOptions, SubscribeOptions, SubscribeSince } from '../message-options.ts'
export type { CursorStorage } from '../messages/cursor-store.ts'
export type { Room, RoomMember, RoomMembers, RoomState } from '../messages/room.ts'
export type { LoadState, LoadStateContext } from '../messages/snapshot.ts'
export type {
  Listener,
  Message,
  Subscription,
  SubscriptionEvents,
  SubscriptionState,
} from '../messages/subscription.ts'
export type { Params, ReconnectOptions } from '../options.ts'
export type { WebSocketClass } from '../transports/websocket.ts'
export type { Client, ClientEvents, ClientState, ConnectionInfo } from '../types.ts'
export { createClient, type WebSocketClientOptions } from './create-client.ts'
