import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { excessOfText, excessOfValue } from '../../../core/protocol/frame-structure.ts'
import { readClientFrame } from '../../../core/protocol/read-frame.ts'
import { verifies } from '../../requirements.ts'

const ANY = Number.POSITIVE_INFINITY

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null

const depthOf = (value: unknown): number =>
  isContainer(value) ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0

const nodesOf = (value: unknown): number => {
  if (!isContainer(value)) return 0
  const inner = Object.values(value)
  const own = Array.isArray(value) ? 1 : 1 + inner.length
  return inner.reduce((sum: number, one) => sum + nodesOf(one), own)
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

describe('the structure of JSON', () => {
  it('is the same for the text, with or without spaces, and for the value', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 6 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 30 }),
        (value, maxDepth, maxNodes) => {
          const limits = { maxDepth, maxNodes }
          const deep = depthOf(value) > maxDepth ? 'depth' : undefined
          const excess = nodesOf(value) > maxNodes ? 'nodes' : deep
          expect(excessOfValue(value, limits)).toBe(excess)
          expect(excessOfText(JSON.stringify(value), limits)).toBe(excess)
          expect(excessOfText(JSON.stringify(value, null, 2), limits)).toBe(excess)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('does not include the content of strings', () => {
    const text = JSON.stringify({ text: '[[[[{{{{"\\"[[[["\\\\', next: '\\', '[[[[': ['}]:::'] })
    expect(excessOfText(text, { maxDepth: 2, maxNodes: 5 })).toBeUndefined()
    expect(excessOfText(text, { maxDepth: 1, maxNodes: 5 })).toBe('depth')
    expect(excessOfText(text, { maxDepth: 2, maxNodes: 4 })).toBe('nodes')
  })

  it('is checked without recursion, and only until a limit is exceeded', () => {
    const depth = 5_000_000
    expect(excessOfText(nested(depth), { maxDepth: 64, maxNodes: ANY })).toBe('depth')
    expect(excessOfText(nested(depth), { maxDepth: 64, maxNodes: 100 })).toBe('nodes')
    const value = JSON.parse(nested(100_000))
    expect(excessOfValue(value, { maxDepth: 99_999, maxNodes: ANY })).toBe('depth')
    expect(excessOfValue(value, { maxDepth: 100_000, maxNodes: ANY })).toBeUndefined()
    expect(excessOfValue(value, { maxDepth: ANY, maxNodes: 99_999 })).toBe('nodes')
  })

  it('is checked in linear time for strings of backslashes and quotes', () => {
    const text = JSON.stringify(['\\'.repeat(500_000), '"'.repeat(500_000), '\\"'.repeat(500_000)])
    expect(excessOfText(text, { maxDepth: 1, maxNodes: 1 })).toBeUndefined()
    expect(excessOfText(text.slice(0, -1), { maxDepth: 1, maxNodes: 1 })).toBeUndefined()
  })
})

describe('a frame from a client', () => {
  it('that is not JSON is invalid, whatever its structure', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', ':', 'a', ' ') }),
        (text) => {
          expect(readClientFrame(text, { maxDepth: 3, maxNodes: 5 }).type).toBe('invalid')
        },
      ),
    )
  })

  it('is itself one level of the depth', () => {
    const frame = (payload: string) =>
      readClientFrame(`{"topic":"a","payload":${payload},"pad":"${'x'.repeat(20)}"}`, {
        maxDepth: 4,
        maxNodes: 100,
      })
    expect(frame(nested(3))).toMatchObject({ topic: 'a' })
    expect(frame(nested(4))).toMatchObject({
      type: 'invalid',
      error: { code: 'bad_frame', message: 'A frame may be nested 4 levels deep' },
    })
  })

  it('with too many nodes is refused with its id, if that is the first or last field, and not parsed', () => {
    verifies('protocol.errors.nodes-not-parsed')
    const read = (text: string) => readClientFrame(text, { maxDepth: 64, maxNodes: 10 })
    const payload = '[[],[],[],[],[],[],[],[],[],[{"id":7}]]'
    const error = { code: 'bad_frame', message: 'A frame may have 10 arrays, objects and fields' }
    expect(read(`{"topic":"a","payload":${payload},"id":3}`)).toMatchObject({ error, id: 3 })
    expect(read(` { "id" : 4 , "topic":"a","payload":${payload} } `)).toMatchObject({ error, id: 4 })
    for (const text of [
      `{"topic":"a","id":5,"payload":${payload}}`,
      `{"topic":"a","payload":${payload}}`,
      `{"topic":"a","payload":${payload},"text":"\\",\\"id\\":6}"}`,
      `{"topic":"a","payload":${payload},"id":99999999999999999999}`,
    ]) {
      expect(read(text)).toMatchObject({ error })
      expect(read(text)).not.toHaveProperty('id')
    }
    expect(read(`${'['.repeat(30)}no JSON`)).toMatchObject({ error })
  })
})
