import { expect, it } from 'vitest'
import { LruMap } from '../../../core/util/lru-map.ts'

it('what belongs to a key is kept for so many keys, those asked for last', () => {
  let made = 0
  const recent = new LruMap(() => ++made, 2)
  expect([recent.get('a'), recent.get('a'), recent.get('b'), recent.get('a')]).toEqual([1, 1, 2, 1])
  expect(recent.get('c')).toBe(3)
  // The one asked for longest ago has had to go.
  expect([recent.peek('a'), recent.peek('b'), recent.peek('c')]).toEqual([1, undefined, 3])
  expect([recent.get('b'), recent.peek('a')]).toEqual([4, undefined])
})
