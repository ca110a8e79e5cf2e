import { describe, expect, it } from 'vitest'
import { isRevocation, RevocationList } from '../../../plugins/auth/revocation-list.ts'

const NOW = 1_000_000
const user = (before: number, until = NOW + 1000) => ({ key: 'user-a', before, until })

describe('the revocation list', () => {
  it('revokes the tokens of a user that were issued up to a time', () => {
    const known = new RevocationList()
    known.add(user(100), NOW)
    expect(known.revokes(['user-a'], 100, NOW)).toBe(true)
    expect(known.revokes(['user-a'], 101, NOW)).toBe(false)
    expect(known.revokes(['user-b'], 0, NOW)).toBe(false)
  })

  it('revokes a single token whenever it was issued', () => {
    const known = new RevocationList()
    known.add({ key: 'token-a', before: null, until: NOW + 1 }, NOW)
    expect(known.revokes(['user-b', 'token-a'], 1e12, NOW)).toBe(true)
  })

  it('merges revocations of the same key in any order, and reports if nothing has changed', () => {
    for (const order of [
      [user(100, NOW + 9), user(200, NOW + 5)],
      [user(200, NOW + 5), user(100, NOW + 9)],
    ]) {
      const known = new RevocationList()
      for (const one of order) expect(known.add(one, NOW)).toBeDefined()
      expect(known.add(user(150, NOW + 7), NOW)).toBeUndefined()
      expect(known.page(0).items).toEqual([user(200, NOW + 9)])
    }
  })

  it('forgets revocations whose time is over', () => {
    const known = new RevocationList()
    known.add(user(100), NOW)
    expect(known.revokes(['user-a'], 1, NOW + 1000)).toBe(false)
    known.add({ key: 'token-b', before: null, until: NOW + 200_000 }, NOW + 100_000)
    expect(known.size).toBe(1)
    expect(known.add(user(100, NOW), NOW + 100_000)).toBeUndefined()
  })

  it('returns every revocation page by page, even one that is added between two pages', () => {
    const known = new RevocationList()
    const add = (name: number) => known.add({ key: `token-${name}`, before: null, until: NOW + 1 }, NOW)
    for (let name = 0; name < 2500; name++) add(name)
    const keys: string[] = []
    let next: number | null = 0
    while (next !== null) {
      const page = known.page(next)
      keys.push(...page.items.map(({ key }) => key))
      if (next === 0) add(9999)
      next = page.next
    }
    expect(new Set(keys).size).toBe(2501)
    expect(keys).toHaveLength(2501)
  })

  it('accepts only well-formed revocations from other nodes', () => {
    expect(isRevocation(user(1))).toBe(true)
    for (const wrong of [null, 1, {}, { key: 'a', before: 'x', until: 1 }, { key: 1, before: 1, until: 1 }]) {
      expect(isRevocation(wrong)).toBe(false)
    }
  })
})
