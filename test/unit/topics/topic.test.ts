import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assertPattern,
  assertTopic,
  isReserved,
  MAX_TOPIC_BYTES,
  MAX_TOPIC_SEGMENTS,
  topicMatches,
} from '../../../core/topics/topic.ts'

const refused = (code: string, says: string | RegExp = '') =>
  expect.objectContaining({ code, message: expect.stringMatching(says) })

const refusesTopic = (topic: unknown, says?: string | RegExp) =>
  expect(() => assertTopic(topic)).toThrow(refused('invalid_topic', says))
const refusesPattern = (pattern: unknown, says?: string | RegExp) =>
  expect(() => assertPattern(pattern)).toThrow(refused('invalid_pattern', says))

describe('a topic', () => {
  it.each(['a', 'users/42/inbox', 'a.b>c', 'user:updated', '$user/alice', 'a/$b', '~/-/_', 'é/日本/👋'])(
    'may be %s',
    (topic) => {
      expect(() => assertTopic(topic)).not.toThrow()
      expect(() => assertPattern(topic)).not.toThrow()
    },
  )

  it.each(['/', '/a', 'a/', 'a//b', '//'])('has no empty segment: %s is refused', (topic) => {
    refusesTopic(topic, 'empty segment')
    refusesPattern(topic, 'empty segment')
  })

  it('is not empty', () => {
    refusesTopic('', 'must not be empty')
    refusesPattern('', 'must not be empty')
  })

  it.each(['*', 'a/*', '*/a', 'a*', 'a/b*c/d', '**'])('has no *: %s is refused', (topic) => {
    refusesTopic(topic, 'must not contain \\*')
  })

  it.each([
    ['a space', 'a b'],
    ['a tab', 'a\tb'],
    ['a line feed', 'a\n'],
    ['a no-break space', 'a\u00a0b'],
    ['an ideographic space', 'a\u3000b'],
    ['a line separator', 'a\u2028b'],
    ['a byte order mark', '\ufeffa'],
    ['a NUL', 'a\0b'],
    ['an escape', '\u001b[1m'],
    ['a delete', 'a\u007f'],
    ['a C1 control', 'a\u0085b'],
    ['a lone high surrogate', 'a\ud800b'],
    ['a lone low surrogate', 'a\udc00'],
    ['surrogates in reverse order', '\udc00\ud800'],
  ])('has no whitespace, control character or lone surrogate: %s is refused', (_what, topic) => {
    refusesTopic(topic, 'whitespace or control')
    refusesPattern(topic, 'whitespace or control')
  })

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a number', 42],
    ['a symbol', Symbol('a')],
    ['a list', ['a']],
    ['an object whose toString is not a function', { toString: 1 }],
    ['an object without a prototype', Object.create(null)],
  ])('is a string: %s is refused with a coded error', (_what, topic) => {
    refusesTopic(topic, /^Topic must be a string, not /)
    refusesPattern(topic, /^Pattern must be a string, not /)
  })

  it('has at most 255 bytes, counted in UTF-8', () => {
    expect(MAX_TOPIC_BYTES).toBe(255)
    for (const [character, bytes] of [
      ['a', 1],
      ['é', 2],
      ['日', 3],
      ['👋', 4],
    ] as const) {
      expect(Buffer.byteLength(character)).toBe(bytes)
      const fits = character.repeat(Math.floor(255 / bytes))
      const full = fits + 'x'.repeat(255 - Buffer.byteLength(fits))
      expect(() => assertTopic(full)).not.toThrow()
      refusesTopic(`${full}x`, 'at most 255 bytes')
      refusesPattern(`${full}x`, 'at most 255 bytes')
    }
  })

  it('has its length in bytes measured as Node does, whatever its characters', () => {
    const topic = fc.string({
      unit: fc.constantFrom('~', '\u00a1', '\u07ff', '\u0800', '\ufffd', '\u{10000}'),
      minLength: 60,
      maxLength: 260,
    })
    fc.assert(
      fc.property(topic, (text) => {
        if (Buffer.byteLength(text) <= 255) assertTopic(text)
        else refusesTopic(text, 'bytes')
      }),
    )
  })

  it('has at most 16 segments', () => {
    expect(MAX_TOPIC_SEGMENTS).toBe(16)
    const segments = (count: number) => Array(count).fill('a').join('/')
    expect(() => assertTopic(segments(16))).not.toThrow()
    expect(() => assertPattern(segments(15).concat('/*'))).not.toThrow()
    refusesTopic(segments(17), 'at most 16 segments')
    refusesPattern(segments(16).concat('/*'), 'at most 16 segments')
  })

  it('is quoted in the error, shortened if it is long', () => {
    refusesTopic('a b', '"a b"')
    try {
      assertTopic(`${'x'.repeat(100_000)}`)
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(200)
    }
  })

  it('never causes anything but a coded error, whatever the value', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string({ unit: 'binary' })), (value) => {
        for (const [check, code] of [
          [assertTopic, 'invalid_topic'],
          [assertPattern, 'invalid_pattern'],
        ] as const) {
          try {
            check(value)
          } catch (error) {
            expect(error).toMatchObject({ name: 'RookeryError', code })
          }
        }
      }),
    )
  })
})

describe('a pattern', () => {
  it.each(['*', 'foo/*', 'users/*/inbox', '*/inbox', '*/*', '$user/*'])('may be %s', (pattern) => {
    expect(() => assertPattern(pattern)).not.toThrow()
  })

  it.each(['a*', '*a', '**', 'foo/**', 'a/b*/c', '$*'])(
    'has * as a whole segment only: %s is refused',
    (pattern) => {
      refusesPattern(pattern, 'only as a whole segment')
    },
  )
})

describe('topicMatches', () => {
  it.each([
    ['users/42/inbox', 'users/42/inbox', true],
    ['users/42/inbox', 'users/42', false],
    ['users/42', 'users/42/inbox', false],
    ['users/42', 'Users/42', false],
    // not last: exactly one segment
    ['users/*/inbox', 'users/42/inbox', true],
    ['users/*/inbox', 'users/inbox', false],
    ['users/*/inbox', 'users/4/2/inbox', false],
    ['users/*/inbox', 'users/42/outbox', false],
    ['*/b', 'a/b', true],
    ['*/b', 'b', false],
    // last: one or more
    ['foo/*', 'foo/a', true],
    ['foo/*', 'foo/a/b', true],
    ['foo/*', 'foo', false],
    ['foo/*', 'foobar', false],
    ['*', 'a', true],
    ['*', 'a/b/c', true],
    ['*/*', 'a', false],
    ['*/*', 'a/b', true],
    ['*/*', 'a/b/c', true],
    // reserved topics
    ['*', '$user/alice', false],
    ['*/alice', '$user/alice', false],
    ['*/*', '$user/alice', false],
    ['$user/*', '$user/alice', true],
    ['$user/alice', '$user/alice', true],
    ['a/*', 'a/$b', true],
    ['a/*/c', 'a/$b/c', true],
  ])('%s against %s: %s', (pattern, topic, expected) => {
    expect(topicMatches(pattern, topic)).toBe(expected)
  })

  it('does not normalize characters', () => {
    expect(topicMatches('caf\u00e9', 'cafe\u0301')).toBe(false)
  })

  it('refuses an invalid pattern and an invalid topic', () => {
    expect(() => topicMatches('a*', 'a')).toThrow(refused('invalid_pattern'))
    expect(() => topicMatches('a', '*')).toThrow(refused('invalid_topic'))
    expect(() => topicMatches('a', undefined as unknown as string)).toThrow(refused('invalid_topic'))
  })
})

describe('isReserved', () => {
  it.each([
    ['$user/alice', true],
    ['$', true],
    ['a/$b', true],
    ['a/$/c', true],
    ['a$', false],
    ['a/b$c', false],
    ['user/alice', false],
  ])('of %s is %s', (topic, expected) => {
    expect(isReserved(topic)).toBe(expected)
  })
})
