import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isShallow, textIsShallow } from '../../../core/depth.ts'
import { readClientFrame } from '../../../core/read-frame.ts'

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

describe('how deep JSON nests', () => {
  it('is the same of the text, with or without spaces, and of the value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 1, max: 8 }), (value, maxDepth) => {
        const shallow = depthOf(value) <= maxDepth
        expect(isShallow(value, maxDepth)).toBe(shallow)
        expect(textIsShallow(JSON.stringify(value), maxDepth)).toBe(shallow)
        expect(textIsShallow(JSON.stringify(value, null, 2), maxDepth)).toBe(shallow)
      }),
    )
  })

  it('is not what stands in strings', () => {
    const text = JSON.stringify({ text: '[[[[{{{{"\\"[[[["\\\\', next: '\\', '[[[[': ['}]'] })
    expect(textIsShallow(text, 2)).toBe(true)
    expect(textIsShallow(text, 1)).toBe(false)
  })

  it('is found out without recursion, and without reading on', () => {
    const depth = 5_000_000
    expect(textIsShallow(nested(depth), 64)).toBe(false)
    const value = JSON.parse(nested(100_000))
    expect(isShallow(value, 64)).toBe(false)
    expect(isShallow(value, 99_999)).toBe(false)
    expect(isShallow(value, 100_000)).toBe(true)
  })

  it('never keeps a text from being wrong in its own way', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', 'a', ' ') }), (text) => {
        expect(['invalid']).toContain(readClientFrame(text, 3).type)
      }),
    )
  })

  it('counts the frame itself', () => {
    const frame = (payload: string) =>
      readClientFrame(`{"topic":"a","payload":${payload},"pad":"${'x'.repeat(20)}"}`, 4)
    expect(frame(nested(3))).toMatchObject({ topic: 'a' })
    expect(frame(nested(4))).toMatchObject({
      type: 'invalid',
      error: { code: 'bad_frame', message: 'A frame may be nested 4 levels deep' },
    })
  })
})
