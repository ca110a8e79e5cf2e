import { describe, expect, it } from 'vitest'
import {
  compileNamed,
  keyOf,
  paramsOf,
  parseNamedPattern,
  patternBelow,
  patternsMeet,
  plainPattern,
} from '../../../core/contract/pattern.ts'
import { coded } from '../handlers/handlers-support.ts'

describe('a pattern with names', () => {
  it.each([
    ['rooms/:room/messages', 'rooms/*/messages', 'rooms/*/messages', [['room', 1]]],
    ['users/:id', 'users/*', 'users/:', [['id', 1]]],
    [
      ':a/:b/*',
      '*/*/*',
      '*/*/*',
      [
        ['a', 0],
        ['b', 1],
      ],
    ],
    ['users/*', 'users/*', 'users/*', []],
    ['user:updated', 'user:updated', 'user:updated', []],
    ['a/:_x9', 'a/*', 'a/:', [['_x9', 1]]],
  ])('%s is read as %s', (text, pattern, key, names) => {
    expect(parseNamedPattern(text)).toMatchObject({ pattern, names })
    expect(keyOf(parseNamedPattern(text))).toBe(key)
  })

  it.each([':', 'a/:', 'a/:1', 'a/:x-y', 'a/:x/:x', 'a/::x', '', 'a//b', 'a/x*', 5, undefined])(
    '%s is refused',
    (text) => {
      expect(() => parseNamedPattern(text as string)).toThrow(coded('invalid_pattern'))
    },
  )

  it('matches one segment for each name, also at its end', () => {
    const match = compileNamed(parseNamedPattern('users/:id'))
    expect(['users/1', 'users/1/inbox', 'users', 'users/:'].map(match)).toEqual([
      { id: '1' },
      undefined,
      undefined,
      { id: ':' },
    ])
  })

  it('gives the segments of a topic by name, also a name that objects inherit', () => {
    const { names } = parseNamedPattern(':__proto__/x/:constructor')
    const params = paramsOf(names, 'a/x/b')
    expect(Object.entries(params)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ])
    expect(Object.getPrototypeOf(params)).toBe(Object.prototype)
  })

  it('below a topic keeps its names, and takes a name in the topic as text', () => {
    const below = patternBelow('rooms/:x/', parseNamedPattern('kind/:kind'))
    const match = compileNamed(below)
    expect(['rooms/:x/kind/a', 'rooms/1/kind/a', 'rooms/:x/kind/a/b'].map(match)).toEqual([
      { kind: 'a' },
      undefined,
      undefined,
    ])
  })
})

/** A generator of random numbers below a limit: mulberry32. */
const createRandom = (seed: number) => {
  let state = seed
  return (limit: number) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

describe('two patterns', () => {
  /** All topics of one to five segments. A shared topic of two patterns of four segments has no more. */
  const topics = Array.from({ length: 5 })
    .reduce<string[][]>(
      (levels) => [
        ...levels,
        levels.at(-1)!.flatMap((topic) => ['a', 'b'].map((part) => `${topic}/${part}`)),
      ],
      [['a', 'b']],
    )
    .flat()

  it('meet if and only if a topic matches both', () => {
    const seed = Date.now() % 1_000_000
    const random = createRandom(seed)
    const pattern = () => {
      const length = 1 + random(4)
      return Array.from({ length }, (_, index) => ['a', 'b', '*', `:n${index}`][random(4)]).join('/')
    }
    for (let round = 0; round < 2000; round++) {
      const [one, other] = [pattern(), pattern()]
      const [first, second] = [parseNamedPattern(one), parseNamedPattern(other)]
      const [inFirst, inSecond] = [compileNamed(first), compileNamed(second)]
      const wanted = topics.some((topic) => inFirst(topic) && inSecond(topic))
      const what = `seed ${seed}: ${one} and ${other}`
      expect(patternsMeet(first, second), what).toBe(wanted)
      expect(patternsMeet(second, first), what).toBe(wanted)
    }
  })

  it('do not meet because of a name in the pattern of a client', () => {
    const contract = parseNamedPattern('rooms/lobby/messages')
    expect(patternsMeet(contract, plainPattern('rooms/:room/messages'))).toBe(false)
    expect(patternsMeet(contract, plainPattern('rooms/*/messages'))).toBe(true)
    expect(patternsMeet(parseNamedPattern('rooms/lobby'), plainPattern('rooms/:'))).toBe(false)
  })
})
