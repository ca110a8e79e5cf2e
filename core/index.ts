export type { FairQueue, Flow } from './admission/fair-queue.ts'
export { type App, type AppState, AppToken, type Usage } from './app/app.ts'
export type { AppOptions, LimitOptions } from './app/app-options.ts'
export { createApp } from './app/create-app.ts'
export type { ErrorHook, ErrorReport } from './app/error-hook.ts'
export { definePlugin, type Plugin } from './app/plugin.ts'
export { type Condition, Readiness } from './app/readiness.ts'
export type { Scope } from './app/scope.ts'
export { stopOnSignals } from './app/signals.ts'
export type { Bus } from './bus/bus.ts'
export type { Actor, ClientMessage, Event, EventInit } from './bus/event.ts'
export type { BusOptions, Listener, ListenerContext, SubscribeOptions, Subscription } from './bus/listener.ts'
export type { Answer, Answers, NodeChange, Question } from './cluster/cluster.ts'
export { Cluster, type ClusterBackend, type ClusterHost, type ClusterMessage } from './cluster/cluster.ts'
export type { Answerer, ConnectionHook, MessageHook, NodeChangeHook, Nodes } from './cluster/nodes.ts'
export { Store } from './cluster/store.ts'
export type { Target } from './cluster/target.ts'
export type {
  Context,
  GroupHandleOptions,
  GroupOptions,
  Handle,
  HandleOptions,
  Handler,
  HandlerGroup,
  HandlerRate,
  Publish,
} from './handlers/context.ts'
export { defineMiddleware, type Middleware, type Next } from './handlers/context.ts'
export { AppContract } from './handlers/contract-rules.ts'
export { errorTable } from './protocol/error-table.ts'
export { type ErrorCode, type Issue, RookeryError, type WireError } from './protocol/errors.ts'
export { type Codec, createBatchCodec, type Frame } from './protocol/frame.ts'
export type { ClientFrame, Cursor, InvalidFrame, ServerFrame, Untyped, User } from './protocol/protocol.ts'
export type { Action, Authorizer } from './sessions/authorization.ts'
export { Limits } from './sessions/limits.ts'
export type { PeerSession, Session } from './sessions/session.ts'
export { type AuthenticateHook, type CloseHook, type OpenHook, Sessions } from './sessions/sessions.ts'
export type { Handshake, Transport, TransportHost, Wire } from './sessions/transport.ts'
export { Transports } from './sessions/transport.ts'
export { parseSegment, type SegmentValue, segment, topic } from './topics/segment.ts'
export { topicMatches } from './topics/topic.ts'
export { createLogger, Logger, type LogLevel } from './util/logger.ts'
export type { Duration } from './util/options.ts'
export { createToken, type Token } from './util/token.ts'
