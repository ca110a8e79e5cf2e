import { expect, it } from 'vitest'
import { type MemberClaim, MemberClaims } from '../../../plugins/rooms/member-claims.ts'

it('a node has one claim to a name at a time', () => {
  const claims = new MemberClaims()
  const first = claims.add('42', 'ada', 1, 'a', 'one') as MemberClaim
  expect(claims.add('42', 'ada', 2, 'a', 'two')).toBeUndefined()
  expect(claims.add('7', 'ada', 2, 'a', 'two')).toBeDefined()
  claims.remove('42', 'ada', first)
  expect(claims.add('42', 'ada', 3, 'a', 'two')).toBeDefined()
  expect(claims.size).toBe(2)
})

it('a later claim of the same client replaces its earlier one', () => {
  const claims = new MemberClaims()
  const first = claims.add('42', 'ada', 1, 'a', 'one') as MemberClaim
  expect(claims.add('42', 'ada', 2, 'a', 'one')).toBeDefined()
  claims.remove('42', 'ada', first)
  expect(claims.size).toBe(1)
  expect(claims.hasPriority('42', 'ada', { since: 3, node: 'b', client: 'one' })).toBe(false)
  expect(claims.hasPriority('42', 'ada', { since: 3, node: 'b', client: 'two' })).toBe(true)
})

it('of two claims to one name, both nodes take the newer one for lost', () => {
  for (const [first, second] of [
    [
      { since: 1, node: 'b' },
      { since: 2, node: 'a' },
    ],
    [
      { since: 1, node: 'a' },
      { since: 1, node: 'b' },
    ],
  ] as const) {
    const [here, there] = [new MemberClaims(), new MemberClaims()]
    const winner = here.add('42', 'ada', first.since, first.node, 'one')
    const loser = there.add('42', 'ada', second.since, second.node, 'two')
    expect(here.hasPriority('42', 'ada', { ...second, client: 'two' })).toBe(true)
    expect(there.hasPriority('42', 'ada', { ...first, client: 'one' })).toBe(false)
    expect([winner?.lost, loser?.lost]).toEqual([false, true])
  }
})

it('a node has no priority for a name that it has not claimed', () => {
  const claims = new MemberClaims()
  claims.add('42', 'ada', 1, 'a', 'one')
  expect(claims.hasPriority('42', 'bob', { since: 9, node: 'b', client: 'two' })).toBe(false)
  expect(claims.hasPriority('7', 'ada', { since: 9, node: 'b', client: 'two' })).toBe(false)
})
