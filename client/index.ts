export type { ErrorCode, Issue } from '../core/protocol/errors.ts'
export { RookeryError } from '../core/protocol/errors.ts'
export type { GapReason, Untyped, User } from '../core/protocol/protocol.ts'
export { parseSegment, type SegmentValue, segment, topic } from '../core/topics/segment.ts'
export { createClient } from './create-client.ts'
export type { HistoryPage, KeptDetails, PageOptions } from './history.ts'
export { isTopic } from './is-topic.ts'
export type { CallOptions, SendOptions, SubscribeOptions, SubscribeSince } from './message-options.ts'
export type { CursorStorage } from './messages/cursor-store.ts'
export type { Room, RoomMember, RoomMembers, RoomState } from './messages/room.ts'
export type { LoadState, LoadStateContext } from './messages/snapshot.ts'
export type {
  Listener,
  Message,
  Subscription,
  SubscriptionEvents,
  SubscriptionState,
} from './messages/subscription.ts'
export type { ClientOptions, Params, ReconnectOptions } from './options.ts'
export type { SseOptions } from './transports/sse.ts'
export { sse } from './transports/sse.ts'
export type {
  ClientConnection,
  ClientTransport,
  ConnectionEvents,
  ConnectRequest,
  EncodedFrame,
  TransportDefaults,
} from './transports/transport.ts'
export type { WebSocketClass, WebSocketOptions } from './transports/websocket.ts'
export { websocket } from './transports/websocket.ts'
export type { Side, TypedListener } from './typed.ts'
export type { CreateClient } from './typed-client.ts'
export type { Client, ClientEvents, ClientState, ConnectionInfo } from './types.ts'
