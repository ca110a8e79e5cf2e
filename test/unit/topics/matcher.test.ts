import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Matcher } from '../../../core/topics/matcher.ts'
import { topicMatches } from '../../../core/topics/topic.ts'

afterEach(() => vi.restoreAllMocks())

/** The rules for patterns as regular expressions: slow, and independent of the trie. */
const bruteForce = (pattern: string, topic: string): boolean => {
  const escaped = (segment: string) => segment.replace(/[$]/g, '\\$&')
  const segments = pattern.split('/').map((segment, index, { length }) => {
    if (segment !== '*') return escaped(segment)
    const first = index === 0 ? '(?!\\$)' : ''
    return index === length - 1 ? `${first}.+` : `${first}[^/]+`
  })
  return new RegExp(`^${segments.join('/')}$`).test(topic)
}

const segment = fc.constantFrom('a', 'b', '$a')
const path = (of: fc.Arbitrary<string>) =>
  fc.array(of, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'))
const aTopic = path(segment)
const aPattern = path(fc.oneof(segment, fc.constant('*')))
const aValue = fc.integer({ min: 0, max: 3 })

const matched = <T>(matcher: Matcher<T>, topic: string): T[] =>
  [...new Set(matcher.match(topic).flatMap((values) => [...values]))].sort()

describe('the matcher', () => {
  it('finds the same as a brute-force matcher, for any patterns and topics', () => {
    const entries = fc.array(fc.tuple(aPattern, aValue), { maxLength: 20 })
    fc.assert(
      fc.property(entries, fc.array(aTopic, { minLength: 1, maxLength: 10 }), (held, topics) => {
        const matcher = new Matcher<number>()
        for (const [pattern, value] of held) matcher.add(pattern, value)
        for (const topic of topics) {
          const expected = held.flatMap(([pattern, value]) => (bruteForce(pattern, topic) ? [value] : []))
          expect(matched(matcher, topic)).toEqual([...new Set(expected)].sort())
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('agrees with topicMatches on every pattern and topic', () => {
    fc.assert(
      fc.property(aPattern, aTopic, (pattern, topic) => {
        const matcher = new Matcher<string>()
        matcher.add(pattern, 'x')
        const expected = bruteForce(pattern, topic)
        expect(topicMatches(pattern, topic)).toBe(expected)
        expect(matcher.match(topic).length).toBe(expected ? 1 : 0)
      }),
      { numRuns: 1000 },
    )
  })

  it('stays correct through any sequence of adding and removing, and ends empty', () => {
    const step = fc.record({ add: fc.boolean(), pattern: aPattern, value: aValue })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), aTopic, (steps, topic) => {
        const matcher = new Matcher<number>()
        const model = new Map<string, Set<number>>()
        for (const { add, pattern, value } of steps) {
          const values = model.get(pattern) ?? new Set()
          const had = values.size
          if (add) {
            expect(matcher.add(pattern, value)).toBe(had === 0)
            model.set(pattern, values.add(value))
          } else {
            const last = values.delete(value) && values.size === 0
            if (last) model.delete(pattern)
            expect(matcher.remove(pattern, value)).toBe(last)
          }
          expect(matcher.has(pattern)).toBe(model.has(pattern))
          expect(matcher.patterns).toBe(model.size)
        }
        const expected = [...model].flatMap(([held, values]) => (bruteForce(held, topic) ? [...values] : []))
        expect(matched(matcher, topic)).toEqual([...new Set(expected)].sort())
        for (const [pattern, values] of model) for (const value of values) matcher.remove(pattern, value)
        expect({ patterns: matcher.patterns, nodes: matcher.nodes }).toEqual({ patterns: 0, nodes: 0 })
      }),
      { numRuns: 500 },
    )
  })

  it('has no more nodes than its patterns need', () => {
    const matcher = new Matcher<string>()
    matcher.add('a/b/c', 'x')
    matcher.add('a/b', 'x')
    matcher.add('a/*/c', 'x')
    matcher.add('a/*', 'x')
    expect(matcher.nodes).toBe(5)
    matcher.remove('a/b/c', 'x')
    expect(matcher.nodes).toBe(4)
    matcher.remove('a/*/c', 'x')
    expect(matcher.nodes).toBe(2)
    matcher.remove('a/b', 'x')
    matcher.remove('a/*', 'x')
    expect(matcher.nodes).toBe(0)
  })

  it('returns whether an add is the first of a pattern, and whether a remove is the last', () => {
    const matcher = new Matcher<string>()
    expect(matcher.add('a/*', 'x')).toBe(true)
    expect(matcher.add('a/*', 'x')).toBe(false)
    expect(matcher.add('a/*', 'y')).toBe(false)
    expect(matcher.remove('a/*', 'x')).toBe(false)
    expect(matcher.remove('a/*', 'x')).toBe(false)
    expect(matcher.remove('a/*', 'y')).toBe(true)
    expect(matcher.remove('a/*', 'y')).toBe(false)
  })

  it('distinguishes a pattern from similar topics and patterns', () => {
    const matcher = new Matcher<string>()
    matcher.add('a/*', 'x')
    for (const other of ['a', '*', 'a/b', 'a/*/*', '*/*']) {
      expect(matcher.has(other)).toBe(false)
      expect(matcher.remove(other, 'x')).toBe(false)
    }
    expect(matcher.has('a/*')).toBe(true)
  })

  it('returns a value once for each of its patterns that match', () => {
    const matcher = new Matcher<string>()
    for (const pattern of ['a/b', 'a/*', '*/b', '*', 'a/c']) matcher.add(pattern, 'x')
    expect(matcher.match('a/b').map((values) => [...values])).toEqual([['x'], ['x'], ['x'], ['x']])
  })

  it('accepts names of object properties as segments', () => {
    const matcher = new Matcher<string>()
    expect(matcher.match('__proto__/constructor')).toEqual([])
    matcher.add('__proto__/constructor', 'x')
    expect(matched(matcher, '__proto__/constructor')).toEqual(['x'])
    expect(matched(matcher, 'toString/constructor')).toEqual([])
  })

  it.each(['', 'a//b', 'a*', 'a b'])('refuses the pattern "%s", and adds nothing', (pattern) => {
    const matcher = new Matcher<string>()
    expect(() => matcher.add(pattern, 'x')).toThrow(expect.objectContaining({ code: 'invalid_pattern' }))
    expect({ patterns: matcher.patterns, nodes: matcher.nodes }).toEqual({ patterns: 0, nodes: 0 })
  })
})

describe('the number of lookups of a match', () => {
  const lookups = (matcher: Matcher<string>, topic: string): number => {
    const get = vi.spyOn(Map.prototype, 'get')
    matcher.match(topic)
    const count = get.mock.calls.length
    get.mockRestore()
    return count
  }

  it('does not grow with the number of other patterns', () => {
    const matcher = new Matcher<string>()
    for (const pattern of ['rooms/1/*', 'rooms/*/messages', 'rooms/1/messages']) matcher.add(pattern, 'x')
    const alone = lookups(matcher, 'rooms/1/messages')
    for (let other = 2; other < 5000; other++) {
      matcher.add(`rooms/${other}/*`, 'y')
      matcher.add(`rooms/*/${other}`, 'y')
      matcher.add(`users/${other}/*/inbox`, 'y')
    }
    expect(alone).toBeGreaterThan(0)
    expect(lookups(matcher, 'rooms/1/messages')).toBe(alone)
    expect(matched(matcher, 'rooms/1/messages')).toEqual(['x'])
  })

  it('does not grow with the number of values of a pattern', () => {
    const matcher = new Matcher<string>()
    matcher.add('rooms/1/*', 'x')
    const alone = lookups(matcher, 'rooms/1/messages')
    for (let other = 0; other < 1000; other++) matcher.add('rooms/1/*', `y${other}`)
    expect(lookups(matcher, 'rooms/1/messages')).toBe(alone)
  })

  it('is at most one per segment without wildcards', () => {
    const matcher = new Matcher<string>()
    const topic = Array(16).fill('a').join('/')
    matcher.add(topic, 'x')
    expect(lookups(matcher, topic)).toBeLessThanOrEqual(16)
  })
})
