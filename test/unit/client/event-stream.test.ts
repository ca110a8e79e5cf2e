import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEventParser } from '../../../client/transports/event-stream.ts'

/** Reads the chunks of a stream one by one. */
const read = (pieces: readonly string[]): string[] => {
  const parse = createEventParser()
  return pieces.flatMap((piece) => parse(piece))
}

test('events are complete, however the stream is split into chunks', () => {
  const event = fc.tuple(
    fc.boolean(),
    fc.jsonValue().map((value) => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(fc.array(event), fc.array(fc.nat(200)), (events, cuts) => {
      const stream = events
        .map(([control, text]) => `${control ? 'event: control\n' : ''}data: ${text}\n\n`)
        .join(': heartbeat\n\n')
      const at = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).sort((a, b) => a - b), stream.length]
      const pieces = at.slice(1).map((end, index) => stream.slice(at[index], end))
      expect(read(pieces)).toEqual(events.map(([, text]) => text))
    }),
  )
})

test('line separators of JavaScript do not end a line of a stream', () => {
  expect(read(['data: "a\u2028b\u2029c"\n\n'])).toEqual(['"a\u2028b\u2029c"'])
})

test('comments and incomplete events have no data', () => {
  expect(read([': hello\n\n', 'retry: 5\n\n', 'data: {"half":'])).toEqual([])
})

test('the cost of an event is linear in its size, however small the chunks are', () => {
  // The time of one large event in many chunks, and of as many chunks with an event each, in the same run.
  const time = (chunks: readonly string[]) => {
    const start = performance.now()
    expect(read(chunks).join('').length).toBeGreaterThan(0)
    return performance.now() - start
  }
  const text = 'x'.repeat(1000)
  const one = [`data: ${text}`, ...Array<string>(8000).fill(text), '\n\n']
  const many = Array<string>(8000).fill(`data: ${text}\n\n`)
  time(many)
  // Quadratic, it takes more than a hundred times as long.
  expect(time(one)).toBeLessThan(10 * time(many) + 50)
})
