export type { ErrorCode, Issue } from '../../core/protocol/errors.ts'
export { RookeryError } from '../../core/protocol/errors.ts'
export type { Untyped, User } from '../../core/protocol/protocol.ts'
export { parseSegment, type SegmentValue, segment, topic } from '../../core/topics/segment.ts'
export type { Room, RoomMember, RoomMembers, RoomState } from '../messages/room.ts'
export type { Listener, Message, Subscription, SubscriptionState } from '../messages/subscription.ts'
export type { Params, ReconnectOptions } from '../options.ts'
export type { WebSocketClass } from '../transports/websocket.ts'
export type {
  CallOptions,
  Client,
  ClientEvents,
  ClientState,
  ConnectionInfo,
  SendOptions,
  SubscribeOptions,
} from '../types.ts'
export { createClient, type WebSocketClientOptions } from './create-client.ts'
