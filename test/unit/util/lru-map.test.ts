import { expect, it } from 'vitest'
import { LruMap } from '../../../core/util/lru-map.ts'

it('an LRU map keeps the values of the keys used last, up to its limit', () => {
  let made = 0
  const recent = new LruMap(() => ++made, 2)
  expect([recent.get('a'), recent.get('a'), recent.get('b'), recent.get('a')]).toEqual([1, 1, 2, 1])
  expect(recent.get('c')).toBe(3)
  // The least recently used key is gone.
  expect([recent.peek('a'), recent.peek('b'), recent.peek('c')]).toEqual([1, undefined, 3])
  expect([recent.get('b'), recent.peek('a')]).toEqual([4, undefined])
})
