import { describe, expect, it } from 'vitest'
import { isOlder, type RoomChange, RoomReplica } from '../../../plugins/rooms/room-replica.ts'

const record = (id: string, since = 0) => ({ id, name: id, since })
const change = (what: 'joined' | 'left', id: string, version: number): RoomChange => ({
  what,
  room: '42',
  member: record(id),
  version,
})
const joined = (id: string, version: number) => change('joined', id, version)
const left = (id: string, version: number) => change('left', id, version)

describe('a room replica', () => {
  it('tells whether a member joins with its first device and leaves with its last', () => {
    const replica = new RoomReplica()
    expect(replica.apply('a', joined('ada', 1))).toBe(true)
    expect(replica.apply('b', joined('ada', 1))).toBe(false)
    expect(replica.apply('a', left('ada', 2))).toBe(false)
    expect(replica.apply('b', left('ada', 2))).toBe(true)
    expect(replica.apply('b', left('ada', 3))).toBe(false)
    expect(replica.empty).toBe(true)
  })

  it('knows the last join of a member, and the record of each node', () => {
    const replica = new RoomReplica()
    replica.applyList('a', 1, [record('ada', 10)])
    replica.applyList('b', 1, [record('ada', 30), record('bob', 20)])
    expect(replica.lastJoin('ada')).toBe(30)
    expect(replica.lastJoin('eve')).toBeUndefined()
    expect(replica.get('a', 'ada')).toEqual(record('ada', 10))
    expect(replica.get('a', 'bob')).toBeUndefined()
  })

  it('does not report a change that a newer list has included', () => {
    const replica = new RoomReplica()
    expect(replica.applyList('a', 5, [record('ada')])).toEqual({ joined: [record('ada')], left: [] })
    expect(replica.apply('a', joined('ada', 4))).toBe(false)
    expect(replica.apply('a', left('ada', 5))).toBe(false)
    expect(replica.apply('a', left('ada', 6))).toBe(true)
  })

  it('keeps a change when an older list arrives after it', () => {
    const replica = new RoomReplica()
    replica.listRequested()
    replica.apply('a', joined('ada', 2))
    replica.apply('a', joined('bob', 3))
    replica.apply('a', left('bob', 4))
    expect(replica.applyList('a', 1, [record('bob'), record('eve')])).toEqual({
      joined: [record('eve')],
      left: [],
    })
    replica.listSettled()
    expect(replica.lastJoin('ada')).toBe(0)
    expect(replica.lastJoin('bob')).toBeUndefined()
  })

  it('keeps a newer list when an older one arrives after it', () => {
    const replica = new RoomReplica()
    replica.listRequested()
    replica.listRequested()
    replica.applyList('a', 7, [record('ada')])
    expect(replica.applyList('a', 6, [record('bob')])).toEqual({ joined: [], left: [] })
    expect(replica.lastJoin('ada')).toBe(0)
    expect(replica.lastJoin('bob')).toBeUndefined()
  })

  it('cannot tell what is news while its first lists are loading, nor for changes that they include', () => {
    const replica = new RoomReplica(true)
    replica.listRequested()
    expect(replica.apply('a', joined('ada', 3))).toBeUndefined()
    expect(replica.applyList('a', 4, [record('ada'), record('bob')])).toEqual({ joined: [], left: [] })
    replica.listSettled()
    replica.loading = false
    expect(replica.apply('a', joined('bob', 4))).toBeUndefined()
    expect(replica.apply('a', left('bob', 5))).toBe(true)
    expect(replica.apply('a', left('bob', 5))).toBe(false)
  })

  it('reports what a list changes, except members that are at another node, too', () => {
    const replica = new RoomReplica()
    replica.applyList('a', 1, [record('ada'), record('bob')])
    replica.applyList('b', 1, [record('ada')])
    const difference = replica.applyList('a', 2, [record('eve')])
    expect(difference).toEqual({ joined: [record('eve')], left: [record('bob')] })
    expect(replica.applyList('a', 3, [record('ada'), record('eve')])).toEqual({ joined: [], left: [] })
  })

  it('removes a node with its versions, and reports the members that are at no other node', () => {
    const replica = new RoomReplica()
    replica.applyList('a', 9, [record('ada'), record('bob')])
    replica.applyList('b', 9, [record('ada')])
    expect(replica.removeNode('a')).toEqual([record('bob')])
    expect(replica.removeNode('a')).toEqual([])
    // A node that is restarted with the same id counts from the beginning.
    expect(replica.apply('a', joined('bob', 1))).toBe(true)
    expect(replica.removeNode('b')).toEqual([record('ada')])
  })

  it('removes all members of a node that has cleared the room', () => {
    const replica = new RoomReplica()
    replica.applyList('a', 1, [record('ada'), record('bob')])
    expect(replica.apply('a', { what: 'cleared', room: '42', version: 2 })).toBe(false)
    expect(replica.empty).toBe(true)
    expect(replica.apply('a', joined('ada', 2))).toBe(false)
    expect(replica.apply('a', joined('ada', 3))).toBe(true)
  })
})

it('the older of two records has the earlier time, or in the same millisecond the smaller node id', () => {
  expect(isOlder({ since: 1, node: 'b' }, { since: 2, node: 'a' })).toBe(true)
  expect(isOlder({ since: 2, node: 'a' }, { since: 1, node: 'b' })).toBe(false)
  expect(isOlder({ since: 1, node: 'a' }, { since: 1, node: 'b' })).toBe(true)
  expect(isOlder({ since: 1, node: 'b' }, { since: 1, node: 'a' })).toBe(false)
})
