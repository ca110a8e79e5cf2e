/** The row of the error table for one code. */
export interface ErrorEntry {
  /** The message of an error that is created without one. */
  readonly message: string
  /** HTTP status. 500: an internal error, which clients do not see. */
  readonly status: number
  /** WebSocket close code: the code of RFC 6455 if there is one, otherwise 4000 + HTTP status. */
  readonly close: number
  /** Whether the same request or connection may succeed later. */
  readonly retryable: boolean
}

const entry = (message: string, status: number, retryable = false, close = 4000 + status): ErrorEntry => ({
  message,
  status,
  close,
  retryable,
})

/** The table of errors. A test compares it with `docs/errors.md`. */
export const errorTable = {
  // a frame or a request that is wrong
  bad_frame: entry('The frame is not valid', 400),
  bad_encoding: entry('The frame is not valid UTF-8', 400, false, 1007),
  binary_not_supported: entry('Binary frames are not supported', 415, false, 1003),
  protocol_error: entry('The peer broke the protocol of the transport', 400, false, 1002),
  payload_too_large: entry('The payload is too large', 413, false, 1009),
  invalid_topic: entry('The topic is not valid', 400),
  invalid_pattern: entry('The topic pattern is not valid', 400),
  reserved_topic: entry('Topics with a segment that begins with $ are reserved', 403),
  invalid_payload: entry('The payload is not valid', 422),
  not_found: entry('No resource has this path', 404),
  unknown_topic: entry('No handler is registered for this topic', 404),
  unsupported_media_type: entry('The content type is not supported', 415),
  unknown_session: entry('The session does not exist', 404),
  out_of_window: entry('The frame is too far ahead', 409),
  invalid_handshake: entry('The handshake is not valid', 400),

  // who may do what
  unauthenticated: entry('Authentication is required', 401),
  invalid_token: entry('The token is not valid', 401),
  token_expired: entry('The token has expired', 401, true),
  token_revoked: entry('The token has been revoked', 401),
  auth_unavailable: entry('Tokens cannot be verified right now', 503, true),
  forbidden: entry('This is not allowed', 403),
  origin_not_allowed: entry('This origin is not allowed', 403),

  // limits
  rate_limited: entry('Too many messages', 429, true),
  too_many_connections: entry('Too many connections', 429, true),
  too_many_subscriptions: entry('Too many subscriptions', 429),
  slow_consumer: entry('The connection does not keep up with its messages', 408, true),
  queue_full: entry('The queue of waiting messages is full', 429, true),

  // connections
  handshake_timeout: entry('The handshake took too long', 408, true),
  ping_timeout: entry('The peer stopped answering', 408, true),
  shutting_down: entry('The server is shutting down', 503, true, 1001),
  session_closed: entry('The session was closed by the server', 410),
  not_connected: entry('No session is connected', 404, true),
  connection_failed: entry('The connection could not be made', 503, true),
  disconnected: entry('The connection was lost', 503, true),
  protocol_mismatch: entry('The peer speaks another version of the protocol', 426),
  cluster_unavailable: entry('The other nodes cannot be reached', 503, true),
  node_unreachable: entry('The node did not answer', 504, true),
  client_closed: entry('The client was closed', 499),
  aborted: entry('The call was aborted', 499),

  // rooms
  invalid_room: entry('The room name is not valid', 400),
  not_in_room: entry('The session is not in this room', 403),
  too_many_rooms: entry('Too many rooms', 429),
  name_taken: entry('This name is taken in the room', 409),
  replaced: entry('A newer connection has replaced this one', 409),
  room_closed: entry('The room was closed', 410),

  // handlers
  handler_timeout: entry('The handler took too long', 504, true),
  call_timeout: entry('The reply did not arrive in time', 504, true),
  internal: entry('Internal error', 500, true, 1011),

  // programming and start-up, never shown to a client
  invalid_option: entry('An option is not valid', 500),
  unserializable: entry('The payload cannot be written as JSON', 500),
  duplicate_plugin: entry('Two plugins have one name', 500),
  duplicate_provider: entry('Two providers of one token', 500),
  duplicate_handler: entry('Two handlers of one topic', 500),
  missing_requirement: entry('A plugin requires what no plugin provides', 500),
  missing_provider: entry('No plugin provides this token', 500),
  dependency_cycle: entry('Dependencies form a cycle', 500),
  plugin_failed: entry('A plugin failed', 500),
  plugin_timeout: entry('A plugin took too long', 500),
  app_stopped: entry('The app has been stopped', 500),
  listener_timeout: entry('A listener took too long', 500),
} as const satisfies Record<string, ErrorEntry>

/** A code of Rookery. Applications may throw errors with other codes. */
export type ErrorCode = keyof typeof errorTable

const applicationError: ErrorEntry = entry('The request was refused', 400)

/** Returns the row for a code. A code of the application counts as a refused request (400). */
export const errorEntry = (code: string): ErrorEntry =>
  Object.hasOwn(errorTable, code) ? errorTable[code as ErrorCode] : applicationError

/** One issue that a validator found: a message, and the path in the payload. */
export interface Issue {
  readonly message: string
  readonly path?: readonly (string | number)[]
}

/** An error on the wire. */
export interface WireError {
  readonly code: string
  readonly message: string
  readonly issues?: readonly Issue[]
  /** What the application says about the error. Plain JSON. */
  readonly data?: unknown
  /** Present if it differs from the table. A code of the application counts as not retryable. */
  readonly retryable?: boolean
  /** Of an `internal` error: the id of its line in the server's log. */
  readonly id?: string
}

export interface RookeryErrorOptions {
  /** The error behind this one. It stays on its side of the wire. */
  readonly cause?: unknown
  readonly issues?: readonly Issue[] | undefined
  /** What the client needs to know beside the code, as plain JSON. */
  readonly data?: unknown
  /**
   * Whether the same request or connection may succeed later.
   *
   * @default true with a `reconnectAfter` that is not null, otherwise as the table says; false for codes of the
   *   application
   */
  readonly retryable?: boolean | undefined
  /**
   * For an error that closes a session: milliseconds after which the client reconnects, or null if it must not. All
   * clients get the same time, so choose a random one for many clients.
   *
   * @default up to 5000, chosen at random, if the error is retryable, otherwise null
   */
  readonly reconnectAfter?: number | null | undefined
  readonly id?: string | undefined
}

/**
 * An error with a code. Compare `code`, not the class, since the error may have come over the wire.
 *
 * If a handler throws it, the client gets its code and message, unless the status of the code is 500.
 *
 * @example throw new RookeryError('sold_out', 'No tickets left', { data: { next: '2027-01-01' }, retryable: true })
 */
export class RookeryError extends Error {
  override readonly name = 'RookeryError'
  readonly code: ErrorCode | (string & {})
  /** Whether the same request or connection may succeed later. */
  readonly retryable: boolean
  // `declare`, so that an error without issues has no property `issues`.
  declare readonly issues?: readonly Issue[]
  /** What the application says about the error. */
  declare readonly data?: unknown
  /** For an error that closes a session: milliseconds after which the client reconnects; null: it must not. */
  declare readonly reconnectAfter?: number | null
  /** Of an `internal` error: the id of its line in the server's log. */
  declare readonly id?: string

  constructor(code: ErrorCode | (string & {}), message?: string, options: RookeryErrorOptions = {}) {
    const row = errorEntry(code)
    super(message ?? row.message, options)
    const { issues, data, retryable, reconnectAfter, id } = options
    this.code = code
    if (issues) this.issues = issues
    if (data !== undefined) this.data = data
    if (reconnectAfter !== undefined) this.reconnectAfter = reconnectAfter
    if (id) this.id = id
    // Over the wire, and from JavaScript, other types are possible.
    this.retryable = (retryable ?? (reconnectAfter != null || row.retryable)) === true
  }

  /** HTTP status of the code. */
  get status(): number {
    return errorEntry(this.code).status
  }

  /** WebSocket close code of the code. */
  get closeCode(): number {
    return errorEntry(this.code).close
  }

  /** The error on the wire: code, message, issues, data, retryable and id, without the cause and the stack. */
  toJSON(): WireError {
    const { code, message, issues, data, retryable, id } = this
    return {
      code,
      message,
      ...(issues && { issues }),
      ...(data !== undefined && { data }),
      ...(retryable !== errorEntry(code).retryable && { retryable }),
      ...(id && { id }),
    }
  }

  /** Creates an error from one that came over the wire. */
  static from(error: WireError & Pick<RookeryErrorOptions, 'reconnectAfter'>): RookeryError {
    return new RookeryError(error.code, error.message, error)
  }
}
