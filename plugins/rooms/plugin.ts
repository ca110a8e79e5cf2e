import { AppToken } from '../../core/app/app.ts'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import { Cluster } from '../../core/cluster/cluster.ts'
import type { Context } from '../../core/handlers/context.ts'
import { unsubscribedFrame } from '../../core/protocol/control-frames.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Session } from '../../core/sessions/session.ts'
import { Logger } from '../../core/util/logger.ts'
import { checkOptions, option } from '../../core/util/options.ts'
import { assertRoom, userFromName } from './names.ts'
import { RoomRegistry } from './registry.ts'
import { Rooms } from './tokens.ts'

export interface RoomsOptions {
  /**
   * What happens when a user who is in a room joins it again with another connection: `allow` (one member with
   * several devices), `reject` the newer connection with `name_taken`, or `replace` the older one, which is
   * closed with `replaced`. @default 'allow'
   */
  readonly members?: 'allow' | 'reject' | 'replace' | undefined
  /**
   * Whether members are told of each other's coming and going. In a room of n members that is n messages each
   * time: switch it off for very large rooms. Listeners of the bus are told in any case. @default true
   */
  readonly announce?: boolean | undefined
  /** Most rooms that a session may be in at a time. @default 32 */
  readonly maxRooms?: number | undefined
}

/** Most members in one answer to `room/members`. */
const PAGE = 1000

/** The room that a payload asks for, or the one that the session is in. */
const roomOf = (ctx: Context, payload: unknown): string => {
  const asked = (payload as { room?: unknown } | null | undefined)?.room
  if (asked === undefined) return ctx.room
  assertRoom(asked)
  return asked
}

/**
 * Rooms: who is in them, and what they hear. A connection with `?username=<NAME>&roomID=<ROOM>` has that name
 * (unless an auth plugin says who it is) and joins that room; clients call `room/join`, `room/leave` and
 * `room/members`; servers use the `Rooms` token.
 *
 * Names that come this way are not verified: anybody can take any. Nor does a room keep others from
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
      // Not yet: a plugin after this one may provide it.
      const cluster = () => scope.get(Cluster)
      const registry = new RoomRegistry(app, { members, announce, maxRooms }, scope.get(Logger), cluster)
      scope.provide(Rooms, () => registry)
      /** Rooms that sessions have asked for: what server code puts them into is the server's own affair. */
      const asked = new WeakMap<Session, Set<string>>()
      const join = async (session: Session, room: string): Promise<void> => {
        assertRoom(room)
        // At once where it can be: a client may leave in the next frame.
        const asking = app.sessions.authorize(session, 'join', room)
        if (asking) await asking
        await registry.join(session, room)
        asked.set(session, (asked.get(session) ?? new Set()).add(room))
      }

      app.sessions.onAuthenticate(({ query }) => userFromName(query.get('username')), { fallback: true })
      app.sessions.onOpen(async (session, { query }) => {
        const room = query.get('roomID')
        if (room) await join(session, room)
      })
      app.sessions.onClose((session, error) => registry.forget(session, error))
      app.sessions.onRenew(async (session) => {
        for (const room of asked.get(session) ?? []) {
          if (!session.rooms.has(room)) continue
          try {
            await app.sessions.authorize(session, 'join', room)
          } catch {
            registry.leave(session, room)
            app.sessions.push(session, unsubscribedFrame([`rooms/${room}/*`]))
          }
        }
      })

      const list = async (room: string) => {
        const { items, missing } = await registry.members(room)
        return { room, members: items.slice(0, PAGE), total: items.length, missing }
      }
      app.handle('room/join', async (ctx, payload) => {
        const room = roomOf(ctx, payload)
        await join(ctx.session, room)
        return await list(room)
      })
      app.handle('room/leave', (ctx, payload) => {
        const room = roomOf(ctx, payload)
        if (!registry.leave(ctx.session, room)) throw new RookeryError('not_in_room')
        return { room }
      })
      app.handle('room/members', async (ctx, payload) => {
        const room = roomOf(ctx, payload)
        if (!ctx.session.rooms.has(room)) throw new RookeryError('not_in_room')
        return await list(room)
      })
    },
  })
}
