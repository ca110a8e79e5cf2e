import { describe, expect, it } from 'vitest'
import { Frame } from '../../../core/protocol/frame.ts'
import { eventOf, frameOf } from '../../../plugins/socketio/events.ts'
import { packetCodec } from '../../../plugins/socketio/packet.ts'

describe('the event of a message', () => {
  // A parser of the application's own may write undefined as null.
  it.each([
    [{}, undefined],
    [{ cursor: 'c' }, { cursor: 'c' }],
    [
      { topics: ['a', 'b'], cursor: 'c', replayed: true as const },
      { topics: ['a', 'b'], cursor: 'c', replayed: true },
    ],
    [{ kept: false as const }, { kept: false }],
  ])('has the fields of %j, and none that is undefined', (fields, details) => {
    const message = { topic: 'a', payload: 1, ...fields }
    expect(eventOf(message)).toStrictEqual(details ? ['a', 1, details] : ['a', 1])
    const { text } = packetCodec.encode(new Frame(message))
    expect(JSON.parse(text.slice(1))).toStrictEqual(eventOf(message))
  })

  it('has its topic in the fields if Socket.IO reserves the name', () => {
    const message = { topic: 'connect', payload: 1, cursor: 'c' }
    expect(eventOf(message)).toStrictEqual(['$message', 1, { topic: 'connect', cursor: 'c' }])
  })
})

describe('the frame of an event', () => {
  it.each([
    ['a', { topics: ['a'] }],
    [['a', 'b'], { topics: ['a', 'b'] }],
    [{ topics: 'a' }, { topics: ['a'] }],
    [
      { topics: ['a'], since: { last: 1 } },
      { topics: ['a'], since: { last: 1 } },
    ],
  ])('subscribe takes the patterns of %j', (payload, fields) => {
    expect(frameOf('subscribe', [payload])).toStrictEqual({ type: 'subscribe', ...fields })
  })
})
