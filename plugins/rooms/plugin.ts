import { AppToken } from '../../core/app/app.ts'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import { Cluster } from '../../core/cluster/cluster.ts'
import { AppContract } from '../../core/handlers/contract-rules.ts'
import { publicError } from '../../core/protocol/coded-error.ts'
import { unsubscribedFrame } from '../../core/protocol/control-frames.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { Limits } from '../../core/sessions/limits.ts'
import type { Session } from '../../core/sessions/session.ts'
import { Logger } from '../../core/util/logger.ts'
import { checkOptions, option } from '../../core/util/options.ts'
import { membersReply } from './members-reply.ts'
import { ROOM_TOPICS } from './messages.ts'
import { NameConflicts } from './name-conflicts.ts'
import { assertRoom, userFromName } from './names.ts'
import { RoomRegistry } from './room-registry.ts'
import { Rooms } from './tokens.ts'

export interface RoomsOptions {
  /**
   * What happens when a user who is in a room joins it again with another connection. `allow`: the user is one member
   * with several devices. `reject`: the join fails with `name_taken`. `replace`: the older connection is closed with
   * `replaced`.
   *
   * @default 'allow'
   */
  readonly members?: 'allow' | 'reject' | 'replace' | undefined
  /**
   * Whether the members of a room are told when another member joins or leaves. In a room of n members that is n
   * messages each time, so switch it off for very large rooms. Listeners of the bus get the events in any case.
   *
   * @default true
   */
  readonly announce?: boolean | undefined
  /** Most rooms that a session may be in at the same time. @default 32 */
  readonly maxRooms?: number | undefined
}

/**
 * Returns the room that the payload names.
 *
 * @throws `invalid_payload`, `invalid_room`
 */
const namedRoom = (topic: string, payload: unknown): string | undefined => {
  const invalid = (message: string, path: readonly string[]) =>
    new RookeryError('invalid_payload', `The payload of '${topic}' is { room }: ${message}`, {
      issues: [{ message, path }],
    })
  if (payload === undefined || payload === null) return undefined
  if (typeof payload !== 'object') throw invalid('it must be an object', [])
  const { room, ...more } = payload as { room?: unknown }
  const [unknown] = Object.keys(more)
  if (unknown !== undefined)
    throw invalid(`it has no field '${unknown.slice(0, 60)}'`, [unknown.slice(0, 60)])
  if (room !== undefined) assertRoom(room)
  return room
}

/**
 * Groups sessions into rooms, with a list of members for each. Clients call `room/join`, `room/leave` and
 * `room/members`; the server uses the `Rooms` token. A connection with `?username=<NAME>&roomID=<ROOM>` joins that
 * room, and gets that name unless an auth plugin identifies the user.
 *
 * The plugin does not verify such names, so any client can use any name. Nor does a room prevent other clients from
 * subscribing to its topics. Both need an auth plugin.
 *
 * @throws `invalid_option`
 * @example createApp({ plugins: [http(), websocket(), rooms()] })
 */
export const rooms = (options: RoomsOptions = {}): Plugin => {
  checkOptions('rooms()', options, {
    members: option.oneOf('allow', 'reject', 'replace'),
    announce: option.boolean,
    maxRooms: option.integer(1),
  })
  const { members = 'allow', announce = true, maxRooms = 32 } = options
  return definePlugin({
    name: 'rooms',
    setup(scope) {
      const app = scope.get(AppToken)
      scope.get(AppContract).allowTopics(...ROOM_TOPICS)
      // Not resolved in setup, because a later plugin may provide it.
      const cluster = () => scope.get(Cluster)
      const registry = new RoomRegistry(app, { members, announce, maxRooms }, scope.get(Logger), cluster)
      const { pingInterval, pingTimeout } = scope.get(Limits)
      const conflicts = new NameConflicts(pingInterval + pingTimeout)
      scope.provide(Rooms, () => registry)
      /** Rooms that sessions have joined by request. The server's own joins are not authorized again at a renewal. */
      const requested = new WeakMap<Session, Set<string>>()
      const join = async (session: Session, room: string): Promise<void> => {
        assertRoom(room)
        // Without an `await` if the check is synchronous, because the client may leave in its next frame.
        const check = app.sessions.authorize(session, 'join', room)
        if (check) await check
        try {
          await registry.join(session, room)
        } catch (error) {
          if (!(error instanceof RookeryError) || error.code !== 'name_taken') throw error
          throw conflicts.refuse(`${room}/${session.user?.id}`, error, performance.now())
        }
        requested.set(session, (requested.get(session) ?? new Set()).add(room))
      }

      app.sessions.onAuthenticate(({ query }) => userFromName(query.get('username')), { fallback: true })
      app.sessions.onOpen(async (session, { query }) => {
        const room = query.get('roomID')
        if (room) await join(session, room)
      })
      app.sessions.onClose((session, error) => registry.removeSession(session, error))
      app.sessions.onRenew(async (session) => {
        for (const room of requested.get(session) ?? []) {
          if (!session.rooms.has(room)) continue
          try {
            await app.sessions.authorize(session, 'join', room)
          } catch (error) {
            registry.leave(session, room, publicError(error) ?? new RookeryError('forbidden'))
            app.sessions.push(session, unsubscribedFrame([`rooms/${room}/*`]))
          }
        }
      })

      /** The list is read when the reply is encoded, in the order of the session's events. */
      const list = (room: string) => ({ toJSON: () => membersReply(room, registry.directory.view(room)) })
      app.handle('room/join', { strict: false }, async (ctx, payload) => {
        const room = namedRoom(ctx.topic, payload)
        if (room === undefined) {
          const issues = [{ message: 'is missing', path: ['room'] }]
          throw new RookeryError('invalid_payload', `'${ctx.topic}' needs the name of a room: { room }`, {
            issues,
          })
        }
        await join(ctx.session, room)
        return list(room)
      })
      app.handle('room/leave', { strict: false }, (ctx, payload) => {
        const room = namedRoom(ctx.topic, payload) ?? ctx.room
        if (!registry.leaveByClient(ctx.session, room)) throw new RookeryError('not_in_room')
        return { room }
      })
      app.handle('room/members', { strict: false }, (ctx, payload) => {
        const room = namedRoom(ctx.topic, payload) ?? ctx.room
        if (!ctx.session.rooms.has(room)) throw new RookeryError('not_in_room')
        const loading = registry.directory.loading(room)
        return loading ? loading.then(() => list(room)) : list(room)
      })
    },
  })
}
