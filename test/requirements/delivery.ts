/** Every promise of `docs/delivery.md`, word for word, by its id. */
export const delivery = {
  'delivery.published.every-subscriber':
    'A published message reaches every session, on every connected node, that subscribes to one of the topics of the event.',
  'delivery.published.once':
    "A session gets a published message once, however many of its patterns and of the event's topics match.",
  'delivery.published.internal':
    'An event of `app.bus.publish` without a `client` message never reaches a client.',
  'delivery.published.broadcast':
    '`ctx.broadcast` leaves out the session of the sender, and no other session.',
  'delivery.published.not-allowed': 'A message does not reach a session that may not subscribe to its topic.',
  'delivery.published.new-rights':
    'When the rights of a session change, messages that wait for an authorizer are decided about by the new rights.',
  'delivery.published.snapshot':
    'A payload reaches clients as it was when it was published; later changes to the object have no effect.',
  'delivery.published.rejects-first':
    '`app.publish` rejects with `invalid_topic` or `unserializable` before it delivers anything; it does not throw.',
  'delivery.published.unserializable':
    'A payload of which JSON would lose a part, such as a `Map`, is refused with `unserializable`, by the server and by the client.',
  'delivery.published.ignored-rejection':
    'A rejection of `app.publish`, `app.send` or `ctx.publish` that nobody handles is logged and does not end the process.',
  'delivery.published.resolves-queued':
    '`app.publish` resolves when the message is queued, before any client has it.',
  'delivery.order.one-topic':
    'Messages that one node publishes on one topic reach every session in the order of publishing.',
  'delivery.order.one-node':
    'Messages that one node publishes on different topics reach the sessions of that node in the order of publishing, also if an authorizer takes longer for one topic than for another.',
  'delivery.order.nested':
    'A message that a hook or an authorizer publishes while another message is being delivered follows that message at every session, listener and node.',
  'delivery.order.of-each-node':
    'Messages of different nodes may reach two sessions in a different order; the messages of each node keep theirs.',
  'delivery.order.replies':
    'Replies and messages to one session arrive in the order in which its node queues them.',
  'delivery.order.publish-before-reply':
    'A message that a handler publishes before it returns reaches the caller before the reply, unless an authorizer takes time to decide about its topic.',
  'delivery.history.publish-stored':
    '`app.publish`, `ctx.publish` and `ctx.broadcast` of a kept message resolve when it is stored, and reject with `history_unavailable` if it is not, or if that is unknown.',
  'delivery.history.publish-id':
    'Of several messages with the same `id` that are published within two minutes, one is stored and delivered.',
  'delivery.history.one-order':
    'Kept messages reach all sessions of all nodes in one order, whichever node has published them.',
  'delivery.history.once-or-gap':
    'A client that subscribes with the cursor of a message gets every later message that its patterns match and that it may see, once and in order; or it is told that messages are missing, and why.',
  'delivery.history.seamless':
    'No message is missing or comes twice where a replay ends and the messages published meanwhile begin.',
  'delivery.history.any-number':
    'A client may come back any number of times, to any node, and before or after the server has noticed the loss of its connection.',
  'delivery.history.position':
    'A cursor never covers a message that the session has not got yet, unless the message matches none of its patterns or the session may not see it.',
  'delivery.history.no-partial':
    'When messages after a cursor are missing, none is replayed; only a replay that is longer than `maxReplay` ends as a gap after its first messages.',
  'delivery.history.gap-goes-on':
    'After a gap, the session gets what is published from then on, and has a cursor again.',
  'delivery.history.rights': 'A replay contains what the session may see by the rights of now.',
  'delivery.history.patterns':
    'A replay contains the messages of the patterns in its request, and no others.',
  'delivery.history.broadcast':
    'A replay leaves out what the client has sent with `ctx.broadcast` itself, if the handshake of its session had the `secret` of its last one, also when that has ended or its node has gone.',
  'delivery.history.away-rejects':
    'While the store is away, messages without history are delivered as before.',
  'delivery.history.waits':
    'While the store is away, a replay waits for it for `replayTimeout`, unless the node has the messages in memory.',
  'delivery.history.away-delivers':
    "With `whenUnavailable: 'deliver'`, a message that cannot be stored reaches the connected clients with `kept: false`, and is not replayed.",
  'delivery.history.lost-is-told':
    'If the store loses messages, or its stream is created anew, the connected clients are told.',
  'delivery.history.inbox':
    'With `history({ users })`, `app.send({ user })` keeps the message: it resolves with `{ sessions: 0, kept: true }` if no session of the user is connected, and each client of the user gets the message from its own cursor.',
  'delivery.history.slow-resume':
    "With `slowConsumer: 'resume'`, a session whose buffer is full gets the kept messages later, in order, once its client has read.",
  'delivery.history.slow-other':
    "With `slowConsumer: 'resume'`, a session ends with `slow_consumer` if messages without history exceed `limits.maxBuffered`.",
  'delivery.subscriptions.after-reply':
    'After the reply to `subscribe`, the session gets every matching message that is published on its own node, and on every other node while both nodes are connected to NATS.',
  'delivery.subscriptions.each':
    'The server accepts or refuses each pattern of a `subscribe` for itself, and tells the client which patterns it has refused.',
  'delivery.subscriptions.after-unsubscribe':
    'After the reply to `unsubscribe`, no message arrives because of the removed patterns.',
  'delivery.subscriptions.removed-is-told':
    'When the server removes a subscription, the client gets an `unsubscribed` frame with the reason.',
  'delivery.subscriptions.message-after-subscribe':
    'A message that a client sends after `subscribe` is handled once the subscription has been decided.',
  'delivery.subscriptions.after-auth':
    'A frame that a client sends after `auth` is handled once the token has been accepted or refused.',
  'delivery.subscriptions.handshake-topics':
    'A session that names topics in its handshake has subscribed to them before `welcome`.',
  'delivery.subscriptions.addressed-after-welcome':
    'After `welcome`, `app.send` on every node reaches the session, its user and the rooms of its handshake.',
  'delivery.send.every-session':
    '`app.send` reaches every session of the user, room or session id, on every connected node, whether it subscribes to the topic or not.',
  'delivery.send.once': 'Each of these sessions gets the message once.',
  'delivery.send.count':
    '`app.send` resolves with `{ sessions, kept }`: the number of sessions for which the message was queued, and whether the history keeps it.',
  'delivery.send.not-connected':
    '`app.send` rejects with `not_connected` if no session of the target exists, unless the message is kept.',
  'delivery.send.node-unreachable':
    '`app.send` rejects with `node_unreachable` if no session took the message and a node did not answer within a second.',
  'delivery.send.cluster-unavailable':
    '`app.send` rejects with `cluster_unavailable` if no session of the target is on this node and the other nodes cannot be reached.',
  'delivery.send.busy-node':
    'A node that does not answer delays an `app.send` only if the node has sessions of the target.',
  'delivery.send.partial':
    '`app.send` resolves with the sessions that it knows of if at least one took the message, even if another node did not answer.',
  'delivery.send.order':
    'A message that is sent to a session after an `app.send` has resolved arrives after the message of that `app.send`, if all nodes have answered it.',
  'delivery.send.id-limit':
    'The id of a user, a room or a session has at most 255 bytes: `app.send` to a longer one rejects with `invalid_option`, and a user with a longer one is refused with `forbidden`.',
  'delivery.addressed.local':
    'A subscription of the client with `local: true` asks nothing of the server, and gets the addressed messages and the messages of rooms that match.',
  'delivery.addressed.refused':
    "The client's listeners get addressed messages and messages of rooms that match their pattern, also if the server has refused the subscription.",
  'delivery.rooms.messages':
    'A session in a room gets every message that is published under `rooms/<room>/*`, without a subscription of its own.',
  'delivery.rooms.before-welcome': 'A session that joins with `roomID` is in the room before `welcome`.',
  'delivery.rooms.once': 'A session that is in a room and subscribes to its topics gets each message once.',
  'delivery.rooms.after-leave': 'A session that has left a room gets no further message because of it.',
  'delivery.rooms.send':
    '`app.send({ room })` reaches the sessions that are in the room at the time of the call.',
  'delivery.rooms.lists':
    'The members in a reply to `room/join` or `room/members`, changed by the `joined` and `left` messages that the session gets after it, are the members of the room on all nodes.',
  'delivery.slow.bytes': '`limits.maxBuffered` counts the bytes of frames in UTF-8.',
  'delivery.slow.nothing-below-limit':
    'Rookery drops no message for a session as long as no more than `limits.maxBuffered` bytes wait for its client.',
  'delivery.slow.large-write': 'A session that has read everything gets the next write, however large it is.',
  'delivery.slow.disconnect':
    "With `slowConsumer: 'disconnect'`, a session that exceeds `limits.maxBuffered` ends with `slow_consumer`, and its client may reconnect.",
  'delivery.slow.dropped-at-end':
    'The frames that are queued for a slow consumer when its session ends are dropped; `close` is sent instead of them.',
  'delivery.slow.drop':
    "With `slowConsumer: 'drop'`, the published and addressed messages of the write that exceeds `limits.maxBuffered` are dropped for that session.",
  'delivery.slow.drop-keeps-replies':
    "With `slowConsumer: 'drop'`, replies, errors and control frames are not dropped.",
  'delivery.slow.drop-twice-the-limit':
    "With `slowConsumer: 'drop'`, a session for which more than twice `limits.maxBuffered` bytes wait ends with `slow_consumer` at the next write.",
  'delivery.slow.authorizers':
    'A session ends with `slow_consumer` if more than `limits.maxBuffered` bytes wait for authorizers to decide about their topics.',
  'delivery.slow.log':
    'The server logs the number of dropped messages at most once a second; it does not tell the client.',
  'delivery.end.read-frames-handled':
    'Frames that the server has read before a client disconnects are still handled.',
  'delivery.end.queued-frames-dropped':
    'Frames that are queued for a session are dropped when the session ends because its connection is lost.',
  'delivery.end.flushed-before-close':
    'When the server closes an open session, everything that it has queued for the session leaves before `close`, unless the client is a slow consumer or has stopped answering pings.',
  'delivery.end.stop':
    '`app.stop()` sends what was published before it, then sends every client a `close` frame that says when to come back.',
  'delivery.end.drained':
    'Before its plugins stop, an app that stops waits at most `stopTimeout` for handlers, listeners, queued events, work of its groups and close hooks.',
  'delivery.end.leave':
    'After `drainDelay`, a session that has no frame under way ends at once, and every other session when its last frame has been answered.',
  'delivery.end.drain': 'Until then, such a session answers new messages with `shutting_down`.',
  'delivery.nodes.own-sessions-first':
    'The sessions of the publishing node get a message without waiting for NATS.',
  'delivery.nodes.at-most-once': 'Between nodes, a message is delivered at most once.',
  'delivery.nodes.every-node':
    'A message of one node reaches every other node whose sessions subscribe to it, as long as both are connected to NATS and keep up with it.',
  'delivery.nodes.order':
    'Messages that one node publishes on one topic reach every other node in the order of publishing.',
  'delivery.nodes.once':
    'A session gets a message once, even if several patterns of its node match it, or the connection to NATS was interrupted for a short time.',
  'delivery.nodes.without-nats':
    'The messages of a node that has lost NATS reach the sessions of that node only.',
  'delivery.nodes.dropped':
    'Messages to other nodes are dropped while NATS is away, and while more bytes than `maxBuffered` of `nats()` wait for NATS.',
  'delivery.nodes.dropped-logged':
    'The node logs the number of messages to other nodes that it drops, at most once a second.',
  'delivery.nodes.too-large':
    'A message larger than NATS takes (1 MiB by default) reaches the sessions of the publishing node only, and the node logs `payload_too_large`.',
  'delivery.nodes.restored': 'When NATS is back, every node restores the interest of its sessions by itself.',
  'delivery.nodes.killed': 'When a node dies, its sessions end, and their clients reconnect to other nodes.',
  'delivery.bus.once':
    "A listener gets an event once, however many of its patterns and of the event's topics match.",
  'delivery.bus.order': 'A listener gets the events of its node in the order of publishing.',
  'delivery.bus.below-max-pending':
    'A listener with fewer than `bus.maxPending` unsettled calls loses no event of its own node.',
  'delivery.bus.keeps-up':
    'A listener that settles without waiting for I/O or timers loses no event, however many are published at once.',
  'delivery.bus.beyond-max-pending':
    'Events beyond `bus.maxPending` unsettled calls wait until the end of the turn of the event loop; events that still wait then are dropped for that listener, counted in `subscription.dropped` and logged once a second.',
  'delivery.bus.all-nodes':
    'A listener with the source `all` gets the events of every node that is connected to NATS, once each.',
  'delivery.bus.not-json': 'An event whose payload JSON cannot hold stays on its node, and the node logs it.',
  'delivery.bus.group': 'With the source `cluster`, one node of each group handles an event.',
  'delivery.bus.group-stop':
    'A node that stops in order handles the events of its groups that NATS has chosen it for; the other nodes of the group handle later events.',
  'delivery.bus.group-alone':
    'A node that is alone, or has lost NATS, handles the events of its groups itself.',
  'delivery.client.at-most-once':
    'A message or call of the client reaches the handlers of the server at most once.',
  'delivery.client.order':
    'The client sends messages and calls in the order in which the application hands them over.',
  'delivery.client.queue':
    'While the client is not connected, or sends faster than the server allows, messages and calls wait in a queue of at most `maxQueue`; beyond it they fail with `queue_full`.',
  'delivery.client.volatile': 'A `send` with `volatile: true` is dropped if it would have to wait.',
  'delivery.client.timed-out-never-sent':
    'A call that times out or is aborted while it waits in the queue is never sent.',
  'delivery.client.rates': 'The client sends no faster than the rates in `welcome`.',
  'delivery.client.sleep':
    'A message that is sent after a sleep of the computer waits for a new connection, if the server has been silent for longer than its ping interval and 10 s.',
  'delivery.client.subscribes-first':
    'After a reconnect, the client subscribes again before it sends the messages and calls that wait in the queue.',
  'delivery.client.disconnected':
    'Calls that were sent and not answered when the connection was lost reject with `disconnected`, and are not sent again.',
  'delivery.client.not-wanted':
    'When the server tells the client not to come back, calls reject with the reason, messages in the queue are dropped, and the client emits an `error` event.',
  'delivery.client.close':
    '`close()` on an open client sends the messages and calls that were handed over before.',
  'delivery.transport-change.client-messages':
    'Everything that the application sends arrives once and in order.',
  'delivery.transport-change.subscriptions':
    'No message of a subscription is lost, repeated or out of order, as long as both connections lead to the same node.',
  'delivery.transport-change.cancel':
    'A subscription that is cancelled during the change is cancelled on the server, too.',
  'delivery.transport-change.calls': 'Calls that were sent over the old connection get their answer over it.',
  'delivery.sse.numbered-frames':
    'The server applies numbered frames of an uplink once and in the order of their numbers, however often and in whatever order the requests arrive.',
  'delivery.sse.unnumbered-frames': 'The server applies a frame without a number each time it arrives.',
  'delivery.sse.resume':
    'A client with `resume=1` that comes back to its session within `grace` gets every frame that it missed, once and in order, as long as the server still has them.',
  'delivery.sse.last-frames':
    'A client gets the last messages and the reason when the server closes its session, also if it polls, or resumes a broken stream within `grace`.',
  'delivery.sse.given-up':
    'The server does not wait for a numbered frame before the number in `from` of a request, and does not apply the frame if it arrives later.',
  'delivery.sse.acknowledged':
    'The server forgets the frames that a client acknowledges with `received` in a request.',
  'delivery.sse.kept-frames':
    'The server keeps the last 1,024 frames that the client has not acknowledged, and at most `limits.maxBuffered` bytes of them.',
  'delivery.sse.unknown-session':
    'If the server no longer has all frames that a client missed, it answers `unknown_session`, and the client opens a new session.',
  'delivery.sse.forged':
    'The server refuses a request with a forged session id with `unknown_session`, at the node that the request reaches; no other node gets the request.',
  'delivery.sse.every-node':
    'In a cluster, the promises of this section hold at whichever node a request arrives.',
} as const
