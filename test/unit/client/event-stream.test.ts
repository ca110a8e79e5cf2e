import fc from 'fast-check'
import { expect, test } from 'vitest'
import { takeEvents } from '../../../client/transports/event-stream.ts'

/** Reads the chunks of a stream one by one. */
const read = (pieces: readonly string[]): string[] => {
  const found: string[] = []
  let text = ''
  for (const piece of pieces) {
    const { data, rest } = takeEvents(text + piece)
    found.push(...data)
    text = rest
  }
  return found
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
