import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkClientFrame,
  isSince,
  parseClientFrame,
  parseServerFrame,
} from '../../../core/protocol/parse-frame.ts'
import { type InvalidFrame, PROTOCOL_VERSION } from '../../../core/protocol/protocol.ts'
import { verifies } from '../../requirements.ts'
import { coded } from '../handlers/handlers-support.ts'

const invalid = (frame: unknown): InvalidFrame => {
  const result = checkClientFrame(frame)
  expect(result.type).toBe('invalid')
  return result as InvalidFrame
}

describe('a frame from a client', () => {
  it('has version 1 of the protocol', () => {
    expect(PROTOCOL_VERSION).toBe(1)
  })

  it.each([
    { topic: 'chat/send' },
    { topic: 'chat/send', payload: { text: 'hi' } },
    { topic: 'chat/send', payload: null, id: 0 },
    { topic: 'chat/send', payload: [1, 'a'], id: Number.MAX_SAFE_INTEGER },
    { type: 'subscribe', id: 1, topics: ['rooms/42/*'] },
    { type: 'subscribe', topics: ['a', 'b'], since: 'earliest' },
    { type: 'subscribe', topics: ['a'], since: 'x'.repeat(255) },
    { type: 'subscribe', topics: ['a'], since: { last: 0 } },
    { type: 'subscribe', topics: ['a'], since: { ago: Number.MAX_SAFE_INTEGER } },
    { type: 'unsubscribe', id: 2, topics: ['rooms/42/*'] },
    { type: 'auth', id: 3, token: 'secret' },
    { type: 'pong' },
  ])('that is valid is returned unchanged: %j', (frame) => {
    expect(parseClientFrame(JSON.stringify(frame))).toEqual(frame)
  })

  it('may have unknown fields', () => {
    verifies('protocol.client-frame.unknown-fields')
    const frame = { topic: 'a', payload: 1, later: true }
    expect(checkClientFrame(frame)).toEqual(frame)
  })

  it('that is a pong has no other field after it is read', () => {
    expect(checkClientFrame({ type: 'pong', id: 'odd', more: 1 })).toEqual({ type: 'pong' })
  })

  it.each(['', 'hello', '{', '{"topic":"a"', 'undefined', '{topic:"a"}', '\0', '[1,]', 'NaN'])(
    'that is not JSON is refused: %j',
    (text) => {
      const { error, ...rest } = parseClientFrame(text) as InvalidFrame
      expect(rest).toEqual({ type: 'invalid' })
      expect(error).toEqual(coded('bad_frame', { message: 'The frame is not JSON' }))
    },
  )

  it.each(['null', '1', '"topic"', 'true', '[]', '[{"topic":"a"}]'])(
    'that is not an object is refused: %s',
    (text) => {
      const { error } = parseClientFrame(text) as InvalidFrame
      expect(error).toEqual(coded('bad_frame', { message: 'A frame is a JSON object' }))
    },
  )

  it.each([
    [{}, 'topic'],
    [{ payload: 1 }, 'topic'],
    [{ topic: 1 }, 'topic'],
    [{ topic: null, id: 1 }, 'topic'],
    [{ topic: 'a', id: -1 }, 'id'],
    [{ topic: 'a', id: 1.5 }, 'id'],
    [{ topic: 'a', id: '1' }, 'id'],
    [{ topic: 'a', id: null }, 'id'],
    [{ topic: 'a', id: 2 ** 53 }, 'id'],
    [{ type: 'publish', topic: 'a' }, 'type'],
    [{ type: null, topic: 'a' }, 'type'],
    [{ type: 'invalid', error: {} }, 'type'],
    [{ type: '__proto__' }, 'type'],
    [{ type: 'subscribe' }, 'topics'],
    [{ type: 'subscribe', topics: 'a' }, 'topics'],
    [{ type: 'subscribe', topics: [] }, 'topics'],
    [{ type: 'subscribe', topics: ['a', 1] }, 'topics'],
    [{ type: 'subscribe', topics: { length: 1, 0: 'a' } }, 'topics'],
    [{ type: 'unsubscribe', topics: [null] }, 'topics'],
    [{ type: 'subscribe', topics: ['a'], since: null }, 'since'],
    [{ type: 'subscribe', topics: ['a'], since: 5 }, 'since'],
    [{ type: 'subscribe', topics: ['a'], since: '' }, 'since'],
    [{ type: 'subscribe', topics: ['a'], since: 'x'.repeat(256) }, 'since'],
    [{ type: 'subscribe', topics: ['a'], since: [] }, 'since'],
    [{ type: 'subscribe', topics: ['a'], since: {} }, 'since'],
    [{ type: 'subscribe', topics: ['a'], since: { last: -1 } }, 'since'],
    [{ type: 'subscribe', topics: ['a'], since: { last: '5' } }, 'since'],
    [{ type: 'subscribe', topics: ['a'], since: { last: 2 ** 53 } }, 'since'],
    [{ type: 'subscribe', topics: ['a'], since: { ago: 1.5 } }, 'since'],
    [{ type: 'subscribe', topics: ['a'], since: { ago: '5m' } }, 'since'],
    [{ type: 'subscribe', topics: ['a'], since: { last: 1, ago: 1 } }, 'since'],
    [{ type: 'subscribe', topics: ['a'], since: { epoch: 'x', seq: 1 } }, 'since'],
    [{ type: 'auth' }, 'token'],
    [{ type: 'auth', token: 1 }, 'token'],
  ])('with an invalid field is refused with the name of the field: %j', (frame, field) => {
    const { error } = invalid(frame)
    expect(error).toEqual(coded('bad_frame', { message: expect.stringContaining(`field ${field} must be`) }))
    expect(error.issues).toEqual([{ message: expect.stringMatching(/^must be /), path: [field] }])
  })

  it('with several invalid fields is refused with the names of all', () => {
    const { error } = invalid({ type: 'subscribe', id: 'x', topics: [], since: 1 })
    expect(error.issues?.map(({ path }) => path?.[0])).toEqual(['id', 'topics', 'since'])
  })

  it('that is invalid keeps its id if the id is valid', () => {
    expect(invalid({ type: 'subscribe', id: 7 }).id).toBe(7)
    expect('id' in invalid({ type: 'subscribe', id: 'x' })).toBe(false)
    expect('id' in invalid({ type: 'subscribe' })).toBe(false)
  })
})

describe('reading frames', () => {
  const kinds = fc.constantFrom(undefined, 'subscribe', 'unsubscribe', 'auth', 'pong', 'x', null)
  const almost = fc.record(
    {
      type: kinds,
      topic: fc.oneof(fc.string(), fc.jsonValue()),
      id: fc.oneof(fc.nat(), fc.jsonValue()),
      topics: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
      since: fc.oneof(
        fc.string(),
        fc.record({ last: fc.nat() }),
        fc.record({ ago: fc.nat() }),
        fc.jsonValue(),
      ),
      token: fc.oneof(fc.string(), fc.jsonValue()),
      payload: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )

  it('never throws, whatever the text, and returns frames of the declared shape', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      almost.map((frame) => JSON.stringify(frame)),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const frame = parseClientFrame(text)
        switch (frame.type) {
          case 'invalid':
            expect(frame.error.code).toBe('bad_frame')
            break
          case undefined:
            expect(typeof frame.topic).toBe('string')
            break
          case 'subscribe':
          case 'unsubscribe':
            expect(frame.topics.length).toBeGreaterThan(0)
            expect(frame.topics.every((topic) => typeof topic === 'string')).toBe(true)
            if ('since' in frame && frame.since !== undefined) expect(isSince(frame.since)).toBe(true)
            break
          case 'auth':
            expect(typeof frame.token).toBe('string')
            break
          default:
            expect(frame).toEqual({ type: 'pong' })
        }
        expect(frame.id === undefined || (Number.isSafeInteger(frame.id) && frame.id >= 0)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('never throws for a parsed object, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (value) => {
        expect(() => checkClientFrame(value)).not.toThrow()
      }),
    )
  })

  it('works for deeply nested frames', () => {
    const deep = `{"topic":"a","payload":${'['.repeat(30_000)}${']'.repeat(30_000)}}`
    expect(parseClientFrame(deep)).toMatchObject({ topic: 'a' })
  })
})

describe('a frame from a server', () => {
  it('is returned unchanged', () => {
    const frame = { topic: 'a', payload: 1, cursor: 'c' }
    expect(parseServerFrame(JSON.stringify(frame))).toEqual(frame)
  })

  it.each(['', '{', 'null', '[]', '1', '"a"'])(
    'that is not a JSON object causes a coded error: %j',
    (text) => {
      expect(() => parseServerFrame(text)).toThrow(coded('bad_frame'))
    },
  )
})
