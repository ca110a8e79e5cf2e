import { expect, it } from 'vitest'
import { MemberClaims } from '../../../plugins/rooms/member-claims.ts'

it('a node has one claim to a name at a time', () => {
  const claims = new MemberClaims()
  expect(claims.add('42', 'ada', 1, 'a')).toBeDefined()
  expect(claims.add('42', 'ada', 2, 'a')).toBeUndefined()
  expect(claims.add('7', 'ada', 2, 'a')).toBeDefined()
  claims.remove('42', 'ada')
  expect(claims.add('42', 'ada', 3, 'a')).toBeDefined()
  expect(claims.size).toBe(2)
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
    const winner = here.add('42', 'ada', first.since, first.node)
    const loser = there.add('42', 'ada', second.since, second.node)
    expect(here.hasPriority('42', 'ada', second)).toBe(true)
    expect(there.hasPriority('42', 'ada', first)).toBe(false)
    expect([winner?.lost, loser?.lost]).toEqual([false, true])
  }
})

it('a node has no priority for a name that it has not claimed', () => {
  const claims = new MemberClaims()
  claims.add('42', 'ada', 1, 'a')
  expect(claims.hasPriority('42', 'bob', { since: 9, node: 'b' })).toBe(false)
  expect(claims.hasPriority('7', 'ada', { since: 9, node: 'b' })).toBe(false)
})
