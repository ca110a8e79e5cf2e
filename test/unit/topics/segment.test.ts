import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSegment, segment, topic } from '../../../core/topics/segment.ts'
import { assertTopic, isReserved, topicMatches } from '../../../core/topics/topic.ts'
import { subjectOf, topicOf } from '../../../plugins/nats/subjects.ts'

/** Text with many of the characters that matter, 20 of which fit into a segment in any encoding. */
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '/',
      '*',
      '%',
      '$',
      ':',
      ' ',
      '\t',
      '\n',
      '\u0000',
      '\u0085',
      '\u00a0',
      '\u2028',
      '\ufeff',
      '.',
      '>',
    ),
    fc.constantFrom('2', 'F', 'a', 'ä', '\u{1f389}'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((each) => !/\p{Cs}/u.test(each)),
  ),
  maxLength: 20,
})

const refusal = (message: RegExp) =>
  expect.objectContaining({ code: 'invalid_topic', message: expect.stringMatching(message) })

describe('segment', () => {
  test('makes one valid segment of any text, and parseSegment returns the text', () => {
    fc.assert(
      fc.property(text, (value) => {
        const encoded = segment(value)
        expect(() => assertTopic(encoded)).not.toThrow()
        expect(encoded).not.toContain('/')
        expect(isReserved(encoded)).toBe(false)
        expect(parseSegment(encoded)).toBe(value)
      }),
      { numRuns: 5_000 },
    )
  })

  test('makes different segments of different texts', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(segment(a) === segment(b)).toBe(a === b)
      }),
      { numRuns: 5_000 },
    )
  })

  test.each([
    ['42', '42'],
    ['Ada Lovelace', 'Ada%20Lovelace'],
    ['google/1', 'google%2F1'],
    ['*', '%2A'],
    ['', '%'],
    ['100%', '100%25'],
    ['$user', '%24user'],
    [':name', '%3Aname'],
    ['a$b:c.d>', 'a$b:c.d>'],
    ['Ärger\u{1f389}', 'Ärger\u{1f389}'],
    [7, '7'],
    [7n, '7'],
  ])('encodes %o as %s', (value, encoded) => {
    expect(segment(value)).toBe(encoded)
  })

  test.each([
    ['\ud800', /surrogate/],
    ['a\udc00b', /surrogate/],
    ['x'.repeat(256), /256 bytes.*at most 255/],
    [' '.repeat(100), /300 bytes/],
    [undefined, /not undefined/],
    [null, /not null/],
    [{}, /not object/],
    [Symbol('x'), /not symbol/],
  ])('refuses %o', (value, message) => {
    expect(() => segment(value as never)).toThrow(refusal(message))
  })
})

test.each(['%2', '%zz', '%e4', '%2f', 'a b', 'a/b', '%41', '%%', '*'])(
  'parseSegment refuses %o, which segment() never makes',
  (encoded) => {
    expect(() => parseSegment(encoded)).toThrow(refusal(/made by segment/))
  },
)

describe('the tag topic', () => {
  test('makes a topic in which a value is exactly one segment, on NATS, too', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const made = topic`users/${a}/inbox/${b}`
        expect(
          made.split('/').map((each) => (each === 'users' || each === 'inbox' ? each : parseSegment(each))),
        ).toEqual(['users', a, 'inbox', b])
        expect(topicMatches('users/*/inbox/*', made)).toBe(true)
        expect(topicOf('r', subjectOf('r', made))).toBe(made)
      }),
    )
  })

  test('leaves the text of the template as it is, with wildcards', () => {
    expect([topic`users/${'a/b'}/*`, topic`*/x`, topic`v${1}-${2}`, topic`a`]).toEqual([
      'users/a%2Fb/*',
      '*/x',
      'v1-2',
      'a',
    ])
  })

  test('refuses what is no topic', () => {
    expect(() => topic`a b/${1}`).toThrow(refusal(/^Topic "a b\/1" must not contain whitespace/))
    expect(() => topic`users/${'x'.repeat(250)}`).toThrow(refusal(/^Topic .*at most 255 bytes/))
    expect(() => topic`users/${undefined as never}`).toThrow(refusal(/not undefined/))
    expect(() => topic`a//${1}`).toThrow(refusal(/empty segment/))
  })
})
