import { Rooms, rooms } from 'rookery/rooms'
import { describe, expect, it, vi } from 'vitest'
import { clientBy, untilOpen } from '../support/client-transports.ts'
import { startThree, TRANSPORTS } from '../support/three-transports.ts'

describe.each(TRANSPORTS)('room.members() over %s', (transport) => {
  it('gives a list that is complete with the events after it, also if they arrive with the reply', async () => {
    const { app, url } = await startThree({ plugins: [rooms()] })
    const connect = (username: string) => clientBy(transport, url, { params: { username } })
    const [ada, bob, eve] = [connect('ada'), connect('bob'), connect('eve')]
    for (const client of [ada, bob, eve]) await untilOpen(client)
    const all = app.scope.get(Rooms)
    const sessionOf = (user: string) => app.sessions.find({ user })[0]!
    /** Calls `act` after the reply to a message is in the outbox, and before the outbox is written. */
    const afterReply = async (act: () => void) => {
      for (let hop = 0; hop < 100; hop++) await null
      act()
    }
    let round = 0
    app.use('room/members', async (_ctx, next) => {
      const list = await next()
      const [joins, leaves] = round++ % 2 === 0 ? ['bob', 'eve'] : ['eve', 'bob']
      void afterReply(() => {
        void all.join(sessionOf(joins), '42')
        all.leave(sessionOf(leaves), '42')
      })
      return list
    })
    const room = ada.join('42')
    await room.ready
    await all.join(sessionOf('eve'), '42')
    let members = new Set<string>()
    room.on<{ member: { id: string } }>('joined', ({ member }) => members.add(member.id))
    room.on<{ member: { id: string } }>('left', ({ member }) => members.delete(member.id))
    for (const expected of [
      ['ada', 'bob'],
      ['ada', 'eve'],
      ['ada', 'bob'],
    ]) {
      const list = await room.members()
      expect(list.total).toBe(list.members.length)
      members = new Set(list.members.map(({ id }) => id))
      await vi.waitFor(() => expect([...members].sort()).toEqual(expected))
    }
  })
})
