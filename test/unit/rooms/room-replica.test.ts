import { describe, expect, it } from 'vitest'
import { type Change, isOlder, RoomView } from '../../../plugins/rooms/room-replica.ts'

const stay = (id: string, since = 0) => ({ id, name: id, since })
const change = (what: 'joined' | 'left', id: string, version: number): Change => ({
  what,
  room: '42',
  member: stay(id),
  version,
})
const joined = (id: string, version: number) => change('joined', id, version)
const left = (id: string, version: number) => change('left', id, version)

describe('a view of a room at other nodes', () => {
  it('says whether a member comes with its first device and goes with its last', () => {
    const view = new RoomView()
    expect(view.apply('a', joined('ada', 1))).toBe(true)
    expect(view.apply('b', joined('ada', 1))).toBe(false)
    expect(view.apply('a', left('ada', 2))).toBe(false)
    expect(view.apply('b', left('ada', 2))).toBe(true)
    expect(view.apply('b', left('ada', 3))).toBe(false)
    expect(view.empty).toBe(true)
  })

  it('knows when a member joined last, and what each node has said of it', () => {
    const view = new RoomView()
    view.replace('a', 1, [stay('ada', 10)])
    view.replace('b', 1, [stay('ada', 30), stay('bob', 20)])
    expect(view.latest('ada')).toBe(30)
    expect(view.latest('eve')).toBeUndefined()
    expect(view.at('a', 'ada')).toEqual(stay('ada', 10))
    expect(view.at('a', 'bob')).toBeUndefined()
  })

  it('takes a change for no news that a list from after it has brought', () => {
    const view = new RoomView()
    expect(view.replace('a', 5, [stay('ada')])).toEqual({ joined: [stay('ada')], left: [] })
    expect(view.apply('a', joined('ada', 4))).toBe(false)
    expect(view.apply('a', left('ada', 5))).toBe(false)
    expect(view.apply('a', left('ada', 6))).toBe(true)
  })

  it('does not lose a change to a list from before it', () => {
    const view = new RoomView()
    view.await()
    view.apply('a', joined('ada', 2))
    view.apply('a', joined('bob', 3))
    view.apply('a', left('bob', 4))
    expect(view.replace('a', 1, [stay('bob'), stay('eve')])).toEqual({ joined: [stay('eve')], left: [] })
    view.arrived()
    expect(view.latest('ada')).toBe(0)
    expect(view.latest('bob')).toBeUndefined()
  })

  it('keeps what a newer list has said when an older one comes last', () => {
    const view = new RoomView()
    view.await()
    view.await()
    view.replace('a', 7, [stay('ada')])
    expect(view.replace('a', 6, [stay('bob')])).toEqual({ joined: [], left: [] })
    expect(view.latest('ada')).toBe(0)
    expect(view.latest('bob')).toBeUndefined()
  })

  it('cannot say what is news while its first lists are under way, nor of what they have brought', () => {
    const view = new RoomView(true)
    view.await()
    expect(view.apply('a', joined('ada', 3))).toBeUndefined()
    expect(view.replace('a', 4, [stay('ada'), stay('bob')])).toEqual({ joined: [], left: [] })
    view.arrived()
    view.loading = false
    expect(view.apply('a', joined('bob', 4))).toBeUndefined()
    expect(view.apply('a', left('bob', 5))).toBe(true)
    expect(view.apply('a', left('bob', 5))).toBe(false)
  })

  it('tells what a list changes: nothing of members that are elsewhere too', () => {
    const view = new RoomView()
    view.replace('a', 1, [stay('ada'), stay('bob')])
    view.replace('b', 1, [stay('ada')])
    const difference = view.replace('a', 2, [stay('eve')])
    expect(difference).toEqual({ joined: [stay('eve')], left: [stay('bob')] })
    expect(view.replace('a', 3, [stay('ada'), stay('eve')])).toEqual({ joined: [], left: [] })
  })

  it('drops a node with everybody who is nowhere else, and all it knew of it', () => {
    const view = new RoomView()
    view.replace('a', 9, [stay('ada'), stay('bob')])
    view.replace('b', 9, [stay('ada')])
    expect(view.drop('a')).toEqual([stay('bob')])
    expect(view.drop('a')).toEqual([])
    // Started anew under its old id, a node counts anew.
    expect(view.apply('a', joined('bob', 1))).toBe(true)
    expect(view.drop('b')).toEqual([stay('ada')])
  })

  it('empties a node that has cleared the room', () => {
    const view = new RoomView()
    view.replace('a', 1, [stay('ada'), stay('bob')])
    expect(view.apply('a', { what: 'cleared', room: '42', version: 2 })).toBe(false)
    expect(view.empty).toBe(true)
    expect(view.apply('a', joined('ada', 2))).toBe(false)
    expect(view.apply('a', joined('ada', 3))).toBe(true)
  })
})

it('the older of two stays is the one that began first, and in one millisecond that of the lesser node', () => {
  expect(isOlder({ since: 1, node: 'b' }, { since: 2, node: 'a' })).toBe(true)
  expect(isOlder({ since: 2, node: 'a' }, { since: 1, node: 'b' })).toBe(false)
  expect(isOlder({ since: 1, node: 'a' }, { since: 1, node: 'b' })).toBe(true)
  expect(isOlder({ since: 1, node: 'b' }, { since: 1, node: 'a' })).toBe(false)
})
