/** What a code means to the peer. */
export interface ErrorRow {
  /** HTTP status. 500: an internal error, which clients do not see. */
  readonly status: number
  /** WebSocket close code: the code of RFC 6455 if there is one, otherwise 4000 + HTTP status. */
  readonly close: number
  /** Whether the same request or connection may succeed later. */
  readonly retryable: boolean
}

const row = (status: number, retryable = false, close = 4000 + status): ErrorRow => ({
  status,
  close,
  retryable,
})

/** The codes that a client can meet: it creates the error, or gets it from the server. */
export const sharedRows = {
  // a frame or a request that is wrong
  bad_frame: row(400),
  bad_encoding: row(400, false, 1007),
  binary_not_supported: row(415, false, 1003),
  protocol_error: row(400, false, 1002),
  payload_too_large: row(413, false, 1009),
  invalid_topic: row(400),
  invalid_pattern: row(400),
  reserved_topic: row(403),
  invalid_payload: row(422),
  not_found: row(404),
  unknown_topic: row(404),
  unsupported_media_type: row(415),
  unknown_session: row(404),
  out_of_window: row(409),
  invalid_handshake: row(400),

  // who may do what
  unauthenticated: row(401),
  invalid_token: row(401),
  token_expired: row(401, true),
  token_revoked: row(401),
  auth_unavailable: row(503, true),
  forbidden: row(403),
  origin_not_allowed: row(403),

  // limits
  rate_limited: row(429, true),
  too_many_connections: row(429, true),
  too_many_subscriptions: row(429),
  slow_consumer: row(408, true),
  queue_full: row(429, true),

  // connections
  handshake_timeout: row(408, true),
  ping_timeout: row(408, true),
  shutting_down: row(503, true, 1001),
  session_closed: row(410),
  not_connected: row(404, true),
  connection_failed: row(503, true),
  disconnected: row(503, true),
  protocol_mismatch: row(426),
  cluster_unavailable: row(503, true),
  node_unreachable: row(504, true),
  client_closed: row(499),
  aborted: row(499),

  // rooms
  invalid_room: row(400),
  not_in_room: row(403),
  several_rooms: row(409),
  too_many_rooms: row(429),
  name_taken: row(409),
  replaced: row(409),
  room_closed: row(410),

  // history
  history_unavailable: row(503, true),
  invalid_cursor: row(400),

  // handlers
  handler_timeout: row(504, true),
  call_timeout: row(504, true),
  internal: row(500, true, 1011),

  // programming and start-up
  invalid_option: row(500),
  unserializable: row(500),
} as const satisfies Record<string, ErrorRow>

/** The messages of the codes that a client creates errors with. */
export const clientMessages = {
  bad_frame: 'The frame is not valid',
  payload_too_large: 'The payload is too large',
  invalid_topic: 'The topic is not valid',
  invalid_pattern: 'The topic pattern is not valid',
  reserved_topic: 'Topics with a segment that begins with $ are reserved',
  queue_full: 'The queue of waiting messages is full',
  handshake_timeout: 'The handshake took too long',
  ping_timeout: 'The peer stopped answering',
  connection_failed: 'The connection could not be made',
  disconnected: 'The connection was lost',
  protocol_mismatch: 'The peer speaks another version of the protocol',
  client_closed: 'The client was closed',
  aborted: 'The call was aborted',
  invalid_room: 'The room name is not valid',
  call_timeout: 'The reply did not arrive in time',
  invalid_option: 'An option is not valid',
  unserializable: 'The payload cannot be written as JSON',
} as const satisfies Partial<Record<keyof typeof sharedRows, string>>

/**
 * The messages of the other codes. A client gets these messages over the wire: so they are not in its bundle, which they
 * would make 3% larger.
 */
export const serverMessages = {
  bad_encoding: 'The frame is not valid UTF-8',
  binary_not_supported: 'Binary frames are not supported',
  protocol_error: 'The peer broke the protocol of the transport',
  invalid_payload: 'The payload is not valid',
  not_found: 'No resource has this path',
  unknown_topic: 'This topic does not exist',
  unsupported_media_type: 'The content type is not supported',
  unknown_session: 'The session does not exist',
  out_of_window: 'The frame is too far ahead',
  invalid_handshake: 'The handshake is not valid',
  unauthenticated: 'Authentication is required',
  invalid_token: 'The token is not valid',
  token_expired: 'The token has expired',
  token_revoked: 'The token has been revoked',
  auth_unavailable: 'Tokens cannot be verified right now',
  forbidden: 'This is not allowed',
  origin_not_allowed: 'This origin is not allowed',
  rate_limited: 'Too many messages',
  too_many_connections: 'Too many connections',
  too_many_subscriptions: 'Too many subscriptions',
  slow_consumer: 'The connection does not keep up with its messages',
  shutting_down: 'The server is shutting down',
  session_closed: 'The session was closed by the server',
  not_connected: 'No session is connected',
  cluster_unavailable: 'The other nodes cannot be reached',
  node_unreachable: 'The node did not answer',
  not_in_room: 'The session is not in this room',
  several_rooms: 'The session is in several rooms',
  too_many_rooms: 'Too many rooms',
  name_taken: 'This name is taken in the room',
  replaced: 'A newer connection has replaced this one',
  room_closed: 'The room was closed',
  history_unavailable: 'The history cannot be reached',
  invalid_cursor: 'The cursor is not valid',
  handler_timeout: 'The handler took too long',
  internal: 'Internal error',
} as const satisfies Record<Exclude<keyof typeof sharedRows, keyof typeof clientMessages>, string>

/** The messages of errors in programming and at start-up, all with the status 500. No client gets these codes. */
export const startupMessages = {
  duplicate_plugin: 'Two plugins have one name',
  duplicate_provider: 'Two providers of one token',
  duplicate_handler: 'Two handlers of one topic',
  missing_requirement: 'A plugin requires what no plugin provides',
  missing_provider: 'No plugin provides this token',
  dependency_cycle: 'Dependencies form a cycle',
  plugin_failed: 'A plugin failed',
  plugin_timeout: 'A plugin took too long',
  app_stopped: 'The app has been stopped',
  listener_timeout: 'A listener took too long',
  invalid_output: 'The server was about to send what the contract does not allow',
} as const
