import { describe, expect, it } from 'vitest'
import {
  type Departing,
  isOlder,
  type MemberRecord,
  type RoomChange,
  RoomReplica,
} from '../../../plugins/rooms/room-replica.ts'

const record = (id: string, since = 0): MemberRecord => ({ id, name: id, since })
const change = (what: 'joined' | 'left', id: string, version: number): RoomChange => ({
  what,
  room: '42',
  member: record(id),
  version,
})
const joined = (id: string, version: number) => change('joined', id, version)
const left = (id: string, version: number) => change('left', id, version)
const ids = (records: Iterable<MemberRecord>) => [...records].map(({ id }) => id)

/** Gives a replica a list in one page. Returns the members that are new, and those that the list does not have. */
const list = (replica: RoomReplica, node: string, version: number, ...members: readonly string[]) => {
  replica.beginList(node)
  const isNew = members.filter((id) => replica.addListed(node, record(id), version))
  return { joined: isNew, left: released(replica, replica.endList(node)) }
}

const released = (replica: RoomReplica, departing: Departing) =>
  [...departing.keys()].filter((id) => replica.release(departing, id))

describe('a room replica', () => {
  it('tells whether a member joins with its first device and leaves with its last', () => {
    const replica = new RoomReplica()
    expect(ids(replica.apply('a', joined('ada', 1)))).toEqual(['ada'])
    expect(replica.apply('b', joined('ada', 1))).toEqual([])
    expect(replica.apply('a', left('ada', 2))).toEqual([])
    expect(ids(replica.apply('b', left('ada', 2)))).toEqual(['ada'])
    expect(replica.apply('b', left('ada', 3))).toEqual([])
    expect(replica.empty).toBe(true)
  })

  it('knows the last join of a member, and the record of each node', () => {
    const replica = new RoomReplica()
    for (const [node, since] of [
      ['a', 10],
      ['b', 30],
    ] as const) {
      replica.beginList(node)
      replica.addListed(node, record('ada', since), 1)
    }
    expect(replica.lastJoin('ada')).toBe(30)
    expect(replica.lastJoin('eve')).toBeUndefined()
    expect(replica.get('a', 'ada')).toEqual(record('ada', 10))
    expect(replica.get('a', 'bob')).toBeUndefined()
    expect(ids(replica.records())).toEqual(['ada', 'ada'])
    expect(replica.ids().get('b')).toEqual(['ada'])
  })

  it('ignores a change that a page has included', () => {
    const replica = new RoomReplica()
    expect(list(replica, 'a', 5, 'ada')).toEqual({ joined: ['ada'], left: [] })
    expect(replica.apply('a', joined('ada', 4))).toEqual([])
    expect(replica.apply('a', left('ada', 5))).toEqual([])
    expect(ids(replica.apply('a', left('ada', 6)))).toEqual(['ada'])
  })

  it('keeps the changes that come while pages arrive, in whatever order', () => {
    const replica = new RoomReplica()
    list(replica, 'a', 1, 'zoe', 'max')
    replica.beginList('a')
    replica.addListed('a', record('zoe'), 2)
    replica.apply('a', joined('bob', 3))
    replica.apply('a', joined('ada', 4))
    replica.apply('a', left('bob', 5))
    replica.apply('a', left('zoe', 6))
    // This page is older than these changes.
    for (const id of ['bob', 'zoe', 'eve']) replica.addListed('a', record(id), 2)
    expect(released(replica, replica.endList('a'))).toEqual(['max'])
    expect(ids(replica.records()).sort()).toEqual(['ada', 'eve'])
  })

  it('counts only the pages of the last request', () => {
    const replica = new RoomReplica()
    replica.beginList('a')
    replica.addListed('a', record('ada'), 6)
    replica.beginList('a')
    replica.addListed('a', record('bob'), 7)
    expect(released(replica, replica.endList('a'))).toEqual(['ada'])
    expect(ids(replica.records())).toEqual(['bob'])
  })

  it('reports what a list changes, except members that are at another node, too', () => {
    const replica = new RoomReplica()
    list(replica, 'a', 1, 'ada', 'bob')
    list(replica, 'b', 1, 'ada')
    expect(list(replica, 'a', 2, 'eve')).toEqual({ joined: ['eve'], left: ['bob'] })
    expect(list(replica, 'a', 3, 'ada', 'eve')).toEqual({ joined: [], left: [] })
  })

  it('keeps the members of a removed node until they are released, unless they are at another node', () => {
    const replica = new RoomReplica()
    list(replica, 'a', 9, 'ada', 'bob', 'eve')
    list(replica, 'b', 9, 'ada')
    const departing = replica.removeNode('a')
    expect([replica.has('bob'), replica.empty]).toEqual([true, false])
    expect(replica.release(departing, 'bob')).toEqual(record('bob'))
    expect(replica.release(departing, 'ada')).toBeUndefined()
    // The node is back, and counts from the beginning.
    expect(replica.apply('a', joined('eve', 1))).toEqual([])
    expect(replica.release(departing, 'eve')).toBeUndefined()
    expect(ids(replica.records()).sort()).toEqual(['ada', 'eve'])
    expect(released(replica, replica.removeNode('b'))).toEqual(['ada'])
    expect(released(replica, replica.removeNode('a'))).toEqual(['eve'])
    expect([ids(replica.records()), replica.empty]).toEqual([[], true])
  })

  it('removes all members of a node that has cleared the room, also while its list arrives', () => {
    const replica = new RoomReplica()
    list(replica, 'a', 1, 'ada', 'bob')
    replica.beginList('a')
    const news = replica.apply('a', { what: 'cleared', room: '42', version: 2 })
    expect(ids(news)).toEqual(['ada', 'bob'])
    replica.addListed('a', record('ada'), 1)
    expect(released(replica, replica.endList('a'))).toEqual([])
    expect(replica.empty).toBe(true)
    expect(replica.apply('a', joined('ada', 2))).toEqual([])
    expect(ids(replica.apply('a', joined('ada', 3)))).toEqual(['ada'])
  })
})

it('the older of two records has the earlier time, or in the same millisecond the smaller node id', () => {
  expect(isOlder({ since: 1, node: 'b' }, { since: 2, node: 'a' })).toBe(true)
  expect(isOlder({ since: 2, node: 'a' }, { since: 1, node: 'b' })).toBe(false)
  expect(isOlder({ since: 1, node: 'a' }, { since: 1, node: 'b' })).toBe(true)
  expect(isOlder({ since: 1, node: 'b' }, { since: 1, node: 'a' })).toBe(false)
})
