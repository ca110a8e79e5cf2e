import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { topicMatches } from '../../../core/topics/topic.ts'
import { PatternAges } from '../../../plugins/nats/pattern-ages.ts'

const seed = Date.now() % 2 ** 31
console.log(`pattern ages: seed ${seed}`)

const path = (...segments: readonly string[]) =>
  fc.array(fc.constantFrom(...segments), { minLength: 1, maxLength: 3 }).map((all) => all.join('/'))
const aTopic = path('a', 'b')
const aPattern = path('a', 'b', '*')

describe('pattern ages', () => {
  it('choose exactly one of the patterns that match a topic, whatever patterns are added and removed', () => {
    const steps = fc.array(fc.record({ add: fc.boolean(), pattern: aPattern }), { maxLength: 30 })
    fc.assert(
      fc.property(steps, aTopic, (all, topic) => {
        const ages = new PatternAges()
        const there = new Set<string>()
        for (const { add, pattern } of all) {
          if (add === there.has(pattern)) continue
          ages.change(pattern, add)
          if (add) there.add(pattern)
          else there.delete(pattern)
        }
        const matching = [...there].filter((pattern) => topicMatches(pattern, topic))
        const counting = matching.filter((pattern) => ages.isOldest(pattern, topic))
        // A Set keeps the order of insertion.
        expect(counting).toEqual(matching.slice(0, 1))
      }),
      { seed, numRuns: 1000 },
    )
  })

  it('keep the choice when patterns are added', () => {
    const ages = new PatternAges()
    ages.change('a/*', true)
    for (const later of ['a/b', '*', '*/b']) {
      ages.change(later, true)
      expect(ages.isOldest('a/*', 'a/b')).toBe(true)
      expect(ages.isOldest(later, 'a/b')).toBe(false)
    }
    ages.change('a/*', false)
    expect(ages.isOldest('a/b', 'a/b')).toBe(true)
  })
})
