/** Every promise of `docs/protocol.md`, word for word, by its id. */
export const protocol = {
  'protocol.connect.path': 'The path is an option of the server; the default is `/api/v1/ws`.',
  'protocol.connect.parameters-optional':
    'The parameters `username` and `roomID` are optional and belong to the [`rooms`](rooms.md) plugin; without that plugin the server ignores them.',
  'protocol.connect.username':
    '`username` has 1 to 64 characters, no control characters, and does not begin with `$`.',
  'protocol.connect.room-id':
    '`roomID` has 1 to 64 characters, no whitespace, no control characters, no `/` and no `*`, and does not begin with `$`.',
  'protocol.connect.origin-403':
    'The server answers the handshake of a page of another origin with HTTP 403 and the code `origin_not_allowed`.',
  'protocol.connect.unknown-path-404':
    'The server answers a handshake on an unknown path with HTTP 404 and the code `not_found`.',
  'protocol.connect.rate-429':
    'The server answers a handshake above the rate of its address with HTTP 429 and the code `rate_limited`.',
  'protocol.connect.http-body':
    'The body of an HTTP answer that refuses a handshake is `{ "error": { "code", "message" } }`.',
  'protocol.connect.http-reconnect':
    'If the body also has `reconnectAfter`, the answer means the same as a `close` frame.',
  'protocol.connect.refused-by-close':
    'Once the WebSocket is open, the server refuses a client with a `close` frame.',
  'protocol.connect.welcome': 'The server opens every session with `welcome`.',
  'protocol.connect.frames-before-welcome':
    'A client may send frames before `welcome` arrives; the server handles them after it has sent `welcome`.',
  'protocol.previous.replaces':
    'A new session with the parameter `previous=<secret>` in its handshake replaces the session whose `welcome` had that `secret`: the server closes the earlier session with `replaced`, on whichever node it is.',
  'protocol.previous.order':
    'The close hooks of the earlier session have settled, and it has left its rooms, before the new session opens; the server waits at most 1.5 s for this.',
  'protocol.previous.once':
    "After its session has ended, a `secret` closes nothing; with history, it still tells which broadcasts are the client's own.",
  'protocol.previous.ignored':
    'The server ignores a `secret` that it does not know, and one of a session of another user.',
  'protocol.previous.beside':
    "A new session with the parameter `beside=<secret>` closes no session; with `members: 'reject'` or `'replace'`, both sessions may be in the same rooms.",
  'protocol.previous.name-taken':
    'If a handshake is refused with `name_taken`, `reconnectAfter` is a number for as long as the session that has the name could be a stale one, and null after that.',
  'protocol.previous.secret':
    'A client MUST keep the value of `secret` secret; the server neither logs it nor passes it to hooks in the query.',
  'protocol.first-token.welcome': 'The answer to a valid first `auth` frame is `welcome`.',
  'protocol.first-token.reply':
    'If the first `auth` frame has an `id`, a `reply` with the payload `{}` follows `welcome`.',
  'protocol.first-token.unauthenticated':
    'A server that waits for a token refuses any other first frame with `unauthenticated`.',
  'protocol.first-token.handshake-timeout':
    'A server that gets no first frame within its `handshakeTimeout` refuses the client with `handshake_timeout`.',
  'protocol.first-token.like-any-other':
    'A server that knows the user already, or takes no tokens, handles the frame like any later `auth` frame.',
  'protocol.client-frame.one-object':
    'A frame from a client MUST be a text frame that holds one JSON object.',
  'protocol.client-frame.max-payload': 'A frame from a client MUST NOT have more than `maxPayload` bytes.',
  'protocol.client-frame.unknown-fields': 'The server ignores fields that it does not know.',
  'protocol.client-frame.id-whole-number': '`id` MUST be a whole number from 0 that the client chooses.',
  'protocol.client-frame.id-once': 'A client MUST use each `id` only once in a session.',
  'protocol.client-frame.one-reply':
    'The server answers a frame with an `id` with one `reply` that has the same `id`.',
  'protocol.client-frame.no-reply-without-id': 'The server does not reply to a frame without an `id`.',
  'protocol.client-frame.error-without-id':
    'If a frame without an `id` is refused, the server sends an `error` frame.',
  'protocol.client-frame.pong-unanswered': 'The server does not answer a `pong`.',
  'protocol.client-frame.topic-limits':
    '[Topics and patterns](concepts.md#topics-and-patterns) have at most 255 bytes and 16 segments.',
  'protocol.client-frame.unsubscribe-unknown':
    'The server ignores a pattern in `unsubscribe` to which the session has not subscribed.',
  'protocol.client-frame.auth-forbidden':
    'The server answers `auth` with `forbidden` if no plugin takes tokens.',
  'protocol.client-frame.new-token-keeps-session': 'A new token keeps the session.',
  'protocol.client-frame.new-token-removes-subscriptions':
    'If a new token no longer allows a subscription, the server removes the subscription and sends `unsubscribed`.',
  'protocol.client-frame.since':
    '`since` in `subscribe` is a cursor of 1 to 255 characters, `"earliest"`, `{ "last": n }` or `{ "ago": ms }` with a whole number from 0; the server answers anything else with `bad_frame`.',
  'protocol.server-frame.message': 'A frame with a `topic` and no `type` is a message.',
  'protocol.server-frame.no-payload': 'A message without a payload has no field `payload`.',
  'protocol.server-frame.topics':
    'A message names all topics of its event in the field `topics`, unless the event has one topic and it is the `topic` of the message.',
  'protocol.server-frame.reply-no-payload':
    'A `reply` has no field `payload` if the handler returned nothing.',
  'protocol.server-frame.error': 'An `error` frame is about a frame without an `id`.',
  'protocol.server-frame.auth':
    'After an `auth` frame from the server, the client MUST send a new token within `expiresIn` milliseconds, or the session ends with `token_expired`.',
  'protocol.server-frame.public-user':
    '`user` in `welcome` has `id`, `name` and the fields that the server declares public (`publicUserFields`), or is null for an anonymous client.',
  'protocol.server-frame.contract-user':
    'If the server has a contract whose `user` is a schema, `user` in `welcome` is what that schema returns, with `id` and `name`.',
  'protocol.server-frame.contract':
    "`contract` in `welcome` is a hash of the server's contract; it is absent if the server has none.",
  'protocol.server-frame.names-are-text':
    'The server takes a segment `:name` in a pattern of a client as text.',
  'protocol.server-frame.unsubscribed':
    'An `unsubscribed` frame names the patterns that the server has removed, with the reason.',
  'protocol.server-frame.unknown-ignored':
    'A client MUST ignore frame types and fields that it does not know.',
  'protocol.server-frame.session-secret': 'A client MUST keep the value of `session` secret.',
  'protocol.errors.shape':
    "An `error` has a `code`, from the [table](errors.md) or one of the application's own, and a `message` for people.",
  'protocol.errors.issues':
    '`invalid_payload` and `bad_frame` may add `issues`, a list of `{ "message", "path" }`.',
  'protocol.errors.data':
    '`data` is what the application adds to its error: any JSON. An error without it has no field `data`.',
  'protocol.errors.retryable':
    '`retryable` says whether the same request or connection may succeed later. It is present only if it differs from the [table](errors.md), where a code of the application counts as not retryable.',
  'protocol.errors.internal-id': "`internal` adds an `id`; the server's log has the details under that id.",
  'protocol.errors.bad-frame':
    'The server answers a frame that is not JSON, or whose fields are wrong, with `bad_frame`.',
  'protocol.errors.depth':
    'The server answers a frame that nests more than 64 levels (`limits.maxDepth`) with `bad_frame`.',
  'protocol.errors.nodes':
    'The server answers a frame with more than 4096 arrays, objects and fields (`limits.maxNodes`) with `bad_frame`.',
  'protocol.errors.nodes-not-parsed':
    'The server does not parse a frame that exceeds `limits.maxNodes`; the answer has the `id` of the frame only if `id` is its first or last field.',
  'protocol.errors.unknown-topic':
    'The server answers a message on a topic without a handler with `unknown_topic`.',
  'protocol.errors.reserved-topic':
    'The server answers a message on a topic with a segment that begins with `$` with `reserved_topic`.',
  'protocol.server-frame.rates':
    'In `welcome`, `messageRate` and `messageBurst` are the frames that the server accepts a second and at once; `byteRate` and `byteBurst` are the same in bytes.',
  'protocol.errors.rate':
    'The server answers frames above its rate, of frames or of bytes, with `rate_limited`.',
  'protocol.errors.every-frame-counts': 'Every frame counts towards the rate, `pong` too.',
  'protocol.order.welcome-first': '`welcome` is the first frame of a session.',
  'protocol.order.refused-gets-close': 'A client that is refused gets `close` and no other frame.',
  'protocol.order.close-last': '`close` is the last frame.',
  'protocol.order.error-concerns-frame': 'An error in a frame concerns that frame only; the session goes on.',
  'protocol.order.topic-order': 'Messages on one topic arrive in the order in which a node publishes them.',
  'protocol.order.once':
    'A session gets a message once, however many of its patterns match; a [replay](#history) may bring it again.',
  'protocol.order.subscribe-each':
    'The server accepts or refuses each pattern of a `subscribe` for itself, for example with `invalid_pattern`, `reserved_topic`, `too_many_subscriptions` or `forbidden`.',
  'protocol.order.subscribe-refused':
    'A `subscribe` with one pattern that the server refuses gets a reply with the `error` of the pattern.',
  'protocol.order.subscribe-several':
    'A `subscribe` with several patterns gets a reply with the payload `{ "topics": [...], "refused": [{ "topic", "error" }, ...] }`, also if the server refuses all of them.',
  'protocol.order.subscribe-none-refused':
    'The reply to `subscribe` has no field `refused` if the server has accepted all patterns.',
  'protocol.order.subscribe-twice':
    'Subscribing to a pattern a second time changes nothing; with `since`, the server replays again.',
  'protocol.order.subscribe-reply':
    '`topics` in the reply to `subscribe` names the accepted patterns, each once; in the reply to `unsubscribe` it names the patterns of the frame.',
  'protocol.order.after-subscribe':
    'After the reply to `subscribe`, the client gets every matching message that is published on any node and that it may receive.',
  'protocol.order.after-unsubscribe':
    'After the reply to `unsubscribe`, no message arrives because of the removed patterns.',
  'protocol.order.handled-in-order':
    'The server begins to handle the frames of a session in the order in which the client sent them.',
  'protocol.order.side-by-side':
    'Handlers run side by side; replies come when they are ready, not in the order of the requests.',
  'protocol.order.after-pending-subscribe':
    'The server handles a message only after it has decided on every `subscribe` that the client sent before it.',
  'protocol.history.message-cursor': 'A message of a kept topic has a `cursor`; any other message has none.',
  'protocol.history.position':
    "`welcome` and the reply to a `subscribe` without `since` have the `cursor` of the session's position, also if no message has been kept yet.",
  'protocol.history.ping':
    'A `ping` has the `cursor`, too, so that a client that gets no messages moves forward; while kept messages of the session wait, it has none.',
  'protocol.history.no-overtaking':
    'When the client gets a `cursor`, it has got every kept message of its subscriptions up to there.',
  'protocol.history.opaque':
    'A client MUST treat a `cursor` as opaque text: it tells neither its place in the order nor anything of other topics.',
  'protocol.history.unkept':
    'A message with `"kept": false` was to be kept, but the store could not be reached (`whenUnavailable: \'deliver\'`): it has no `cursor`, and no replay has it.',
  'protocol.history.none': 'A server without history sends no `cursor`.',
  'protocol.history.any-session':
    'A cursor is valid on every session, whichever transport it uses, and any number of times, until the server no longer keeps the messages after it.',
  'protocol.history.all-patterns':
    'One cursor serves any patterns, also several at once, and patterns with wildcards.',
  'protocol.history.forms':
    '`"earliest"` replays from the oldest message that is kept, `{ "last": n }` the newest n messages of the patterns, at most `maxReplay` of them, and `{ "ago": ms }` the messages of the last milliseconds.',
  'protocol.history.order':
    'The server answers a `subscribe` with `since` with the reply, without a `cursor`, then the replayed messages in the order of publishing, then a `replayed` frame with the `id` of the `subscribe`, then the messages that were published later.',
  'protocol.history.waiting':
    'During a replay, kept messages and replies to later `subscribe` frames wait, except replies with an `error`; all other frames do not.',
  'protocol.history.replayed':
    'A replayed message has `"replayed": true`, and is for the patterns that the last reply to a `subscribe` has accepted: the client may have got it before for another pattern.',
  'protocol.history.without-id':
    'A `subscribe` with `since` and without an `id` gets the replayed messages and a `replayed` frame without an `id`.',
  'protocol.history.rights': 'A replay has the messages that the session may see now, by the rights of now.',
  'protocol.history.recovered':
    '`recovered: true` says that no message is missing between the beginning of the replay and the `cursor` of the frame.',
  'protocol.history.gap':
    '`recovered: false` says that messages are missing, with a `reason`; the session goes on from the `cursor` of the frame.',
  'protocol.history.unkept-patterns':
    '`unkept` names the patterns of the request of which the server keeps no topic, if it keeps topics of others; if it keeps none of all patterns, `recovered` is false with the reason `unavailable`.',
  'protocol.history.inbox':
    '`subscribe` to `$inbox` with `since` replays what the server has sent to the user, if `welcome` has `inbox: true`; such messages have the address of the user, `$user/<id>`, as the first of their `topics`, and reach the session without a subscription.',
  'protocol.history.refused':
    'If the server refuses all patterns, it replays nothing and sends no `replayed` frame.',
  'protocol.ping.both-kinds':
    'Every `pingInterval` the server sends a `ping` frame and a WebSocket ping (opcode 9).',
  'protocol.ping.sign-of-life': 'Any frame from the client and any WebSocket pong counts as a sign of life.',
  'protocol.ping.timeout':
    'If no sign of life arrives within 10 s (`pingTimeout`) after a ping, the server ends the session with `ping_timeout`.',
  'protocol.ping.of-client':
    'The server answers WebSocket pings of the client, several at once with one pong, and counts them as frames.',
  'protocol.ping.silent-server':
    'A client MUST take the server for gone if it hears nothing for `pingInterval` plus a grace of its own.',
  'protocol.closing.close-first': 'Before the server closes a connection, it sends `close` with the reason.',
  'protocol.closing.reconnect-after':
    'If `reconnectAfter` is a number, the client may come back after that many milliseconds.',
  'protocol.closing.reconnect-after-random':
    'Unless the application names a `reconnectAfter`, the server gives each client a random one of up to 5000 ms, so that not all clients return at once.',
  'protocol.closing.reconnect-after-grows':
    'If connections end soon after `welcome` again and again, the client MUST wait for a time that grows, whatever `reconnectAfter` says.',
  'protocol.closing.never-come-back':
    'If `reconnectAfter` is null, the client MUST NOT come back with the same handshake.',
  'protocol.closing.wait-grows':
    'If the connection ends without a `close` frame, the client MUST wait for a random time that grows with every failure before it comes back.',
  'protocol.closing.reason': 'The reason of the WebSocket close frame is the error code.',
  'protocol.closing.number':
    'The number of the WebSocket close frame is the standard one where RFC 6455 has one, and otherwise 4000 plus the HTTP status of the error.',
  'protocol.closing.fatal':
    'The server ends a session after a flood beyond the rate limit, after a frame above `maxPayload`, and after a binary frame or a frame that breaks WebSocket or UTF-8.',
  'protocol.closing.others-answered': 'The server answers every other error and keeps the session.',
  'protocol.closing.by-client': 'A client leaves by closing the WebSocket; there is no frame for it.',
  'protocol.versions.one': '`welcome.protocol` is 1.',
  'protocol.versions.within':
    'Within a version, the server may gain fields and types of server frames that a client can ignore.',
  'protocol.versions.new-path':
    'A change that would break such a client gets a new number and a new path, such as `/api/v2/ws`.',
  'protocol.versions.unknown': 'A client MUST leave if `welcome.protocol` is a number that it does not know.',
} as const
