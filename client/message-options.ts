export interface SubscribeOptions {
  /**
   * Whether to ask nothing of the server. The listener gets the matching messages that arrive without a subscription: those
   * sent to the session, to its user or to its rooms. The state is `active` at once.
   *
   * @default false
   */
  readonly local?: boolean
}

export interface CallOptions {
  /** Milliseconds until `call_timeout`, including the time offline. @default `callTimeout` of the client */
  readonly timeout?: number
  /** Aborts the call with `aborted`. The server may have begun to handle it. */
  readonly signal?: AbortSignal
}

export interface SendOptions {
  /** Whether to drop the message, instead of queueing it, if it cannot leave at once. @default false */
  readonly volatile?: boolean
}
