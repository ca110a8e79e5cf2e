import { rooms } from 'rookery/rooms'
import { describe, expect, it } from 'vitest'
import { ask, startThree, TRANSPORTS, until, welcomeBy } from '../support/three-transports.ts'

const start = () =>
  startThree({
    plugins: [rooms()],
    prepare: (app) => {
      app.handle('where', (ctx) => ctx.room)
      app.handle('session', (ctx) => ctx.session.room ?? null)
      app.handle('rooms/*/where', (ctx) => ctx.room)
    },
  })

describe.each(TRANSPORTS)('a message to rooms(), over %s', (transport) => {
  it('with a wrong field is refused, and the error names the right one', async () => {
    const { url } = await start()
    const peer = await welcomeBy(transport, url, { username: 'ada', roomID: '42' })
    for (const topic of ['room/join', 'room/leave', 'room/members']) {
      for (const payload of [{ roomID: 'c' }, { room: '42', roomID: 'c' }, { name: '42' }, 'c', 7, ['c']]) {
        expect(await ask(peer, { topic, payload }), JSON.stringify(payload)).toBe('invalid_payload')
      }
    }
    void peer.send({ topic: 'room/join', payload: { roomID: 'c' } } as never)
    const frame = await until(peer, ({ type }) => type === 'error')
    expect(frame).toMatchObject({
      error: {
        code: 'invalid_payload',
        message: "The payload of 'room/join' is { room }: it has no field 'roomID'",
        issues: [{ message: "it has no field 'roomID'", path: ['roomID'] }],
      },
    })
    expect(await ask(peer, { topic: 'room/join' })).toBe('invalid_payload')
    expect(await ask(peer, { topic: 'room/join', payload: {} })).toBe('invalid_payload')
    expect(await ask(peer, { topic: 'room/members' })).toMatchObject({ room: '42', total: 1 })
    expect(await ask(peer, { topic: 'room/leave', payload: {} })).toEqual({ room: '42' })
  })
})

describe('ctx.room', () => {
  it('is the only room of the session, and refuses to choose between several', async () => {
    const { url } = await start()
    const peer = await welcomeBy('websocket', url, { username: 'ada' })
    expect([await ask(peer, { topic: 'where' }), await ask(peer, { topic: 'session' })]).toEqual([
      'not_in_room',
      null,
    ])
    await ask(peer, { topic: 'room/join', payload: { room: '42' } })
    expect([await ask(peer, { topic: 'where' }), await ask(peer, { topic: 'session' })]).toEqual(['42', '42'])
    await ask(peer, { topic: 'room/join', payload: { room: '7' } })
    for (const topic of ['where', 'session', 'room/members', 'room/leave'])
      expect(await ask(peer, { topic }), topic).toBe('several_rooms')
    await ask(peer, { topic: 'room/leave', payload: { room: '42' } })
    expect(await ask(peer, { topic: 'where' })).toBe('7')
  })

  it('is the room that the topic names, if the session is in it', async () => {
    const { url } = await start()
    const peer = await welcomeBy('websocket', url, { username: 'ada', roomID: '42' })
    await ask(peer, { topic: 'room/join', payload: { room: '7' } })
    for (const room of ['42', '7']) expect(await ask(peer, { topic: `rooms/${room}/where` })).toBe(room)
    expect(await ask(peer, { topic: 'rooms/8/where' })).toBe('not_in_room')
  })
})
