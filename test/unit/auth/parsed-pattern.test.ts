import fc from 'fast-check'
import { topicMatches } from 'rookery'
import { describe, expect, it } from 'vitest'
import { covers as coversParsed, parsePattern } from '../../../plugins/auth/parsed-pattern.ts'

const covers = (allowed: string, requested: string): boolean =>
  coversParsed(parsePattern(allowed), parsePattern(requested))

const segment = fc.constantFrom('a', 'b', '$x')
const pattern = fc
  .array(fc.oneof(segment, fc.constant('*')), { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join('/'))
const topic = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join('/'))

/** Topics that a pattern matches, chosen so that a pattern that matches them all covers the pattern. */
const sampleTopics = (requested: string): string[] => {
  const open = requested.endsWith('*')
  const filled = requested.replaceAll('*', 'zz')
  return open ? [filled, `${filled}/zz`, `${filled}/zz/zz/zz/zz`] : [filled]
}

describe('covers', () => {
  it('is true only if the allowed pattern matches every topic that the requested one matches', () => {
    fc.assert(
      fc.property(pattern, pattern, topic, (allowed, requested, some) => {
        fc.pre(covers(allowed, requested) && topicMatches(requested, some))
        expect(topicMatches(allowed, some)).toBe(true)
      }),
      { numRuns: 1000, maxSkipsPerRun: 1000 },
    )
  })

  it('is false only if the allowed pattern misses a topic that the requested one matches', () => {
    fc.assert(
      fc.property(pattern, pattern, (allowed, requested) => {
        const all = sampleTopics(requested).filter((some) => topicMatches(requested, some))
        fc.pre(all.length > 0)
        expect(covers(allowed, requested)).toBe(all.every((some) => topicMatches(allowed, some)))
      }),
      { numRuns: 5000 },
    )
  })

  it('is the same as topicMatches for a topic', () => {
    fc.assert(
      fc.property(pattern, topic, (allowed, some) => {
        expect(covers(allowed, some)).toBe(topicMatches(allowed, some))
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['users/*', 'users/7/*', true],
    ['users/*', 'users/*', true],
    ['users/*', 'users', false],
    ['users/*/inbox', 'users/*', false],
    ['users/*/inbox', 'users/*/inbox', true],
    ['users/*/inbox', 'users/7/inbox', true],
    ['users/7/*', 'users/*', false],
    ['users/7/*', '*', false],
    ['*', '*', true],
    ['*', '$user/7', false],
    ['a/*/*', 'a/*', false],
    ['a/*', 'a/*/*', true],
  ])('%s covers %s: %s', (allowed, requested, expected) => expect(covers(allowed, requested)).toBe(expected))
})
