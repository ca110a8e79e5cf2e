import type { App } from 'rookery'
import { Rooms } from 'rookery/rooms'
import type { Presence, PresenceContract } from './contract.ts'
import { isRoom, ROOMS, type RoomName } from './rooms.ts'

/** Publishes who is in each room, to pages that are in any room or in none. */
export const addPresence = (app: App<PresenceContract>): void => {
  const rooms = app.scope.get(Rooms)

  const presenceOf = async (room: RoomName): Promise<Presence> => ({
    room,
    people: (await rooms.members(room)).items,
  })

  // `joined` comes with the first tab of a person in a room, `left` with the last one.
  for (const change of ['joined', 'left'] as const) {
    app.bus.subscribe(`rooms/*/${change}`, async ({ payload }) => {
      const { room } = payload as { room: string }
      // The list of now, not that of the event: the last message is always right.
      if (isRoom(room)) await app.publish(`presence/${room}`, await presenceOf(room))
    })
  }

  app.handle('presence/list', () => Promise.all(ROOMS.map(presenceOf)))
}
