export type { Action, Authorizer } from './access.ts'
export type { FairQueue, Flow } from './admission/fair-queue.ts'
export { type App, type AppState, AppToken, type Usage } from './app.ts'
export type { AppOptions, LimitOptions } from './app-options.ts'
export type { Bus, BusOptions, Listener, ListenerContext, SubscribeOptions, Subscription } from './bus.ts'
export {
  type Answer,
  type Answers,
  Cluster,
  type ClusterBackend,
  type ClusterHost,
  type ClusterMessage,
  type NodeChange,
  type Question,
  type Target,
} from './cluster.ts'
export type { Context, Handler, Middleware, Next } from './context.ts'
export { createApp } from './create-app.ts'
export { type ErrorCode, errorTable, type Issue, RookeryError, type WireError } from './errors.ts'
export type { Actor, ClientMessage, Event, EventInit } from './event.ts'
export { type Codec, createBatchCodec, type Frame } from './frame.ts'
export { createLogger, Logger, type LogLevel } from './logger.ts'
export type { Answerer, NodeChangeHook, Nodes, Taker } from './nodes.ts'
export type { Duration } from './options.ts'
export { definePlugin, type Plugin } from './plugin.ts'
export type { ClientFrame, Cursor, InvalidFrame, ServerFrame, Untyped, User } from './protocol.ts'
export { type Condition, Readiness } from './readiness.ts'
export { createToken, type Scope, type Token } from './scope.ts'
export type { Session } from './session.ts'
export { Limits } from './session-host.ts'
export { type AuthenticateHook, type CloseHook, type OpenHook, Sessions } from './sessions.ts'
export { stopOnSignals } from './signals.ts'
export { Store } from './store.ts'
export { topicMatches } from './topic.ts'
export { type Handshake, type Transport, type TransportHost, Transports, type Wire } from './transport.ts'
