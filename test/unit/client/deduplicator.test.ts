import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Deduplicator } from '../../../client/messages/deduplicator.ts'
import type { MessageFrame } from '../../../core/protocol/protocol.ts'

const messages = (payloads: readonly number[]): MessageFrame[] =>
  payloads.map((payload) => ({ topic: 'n', payload }))

test('each message is delivered once, whichever part of them two connections bring, and however late', () => {
  const total = fc.integer({ min: 0, max: 40 })
  fc.assert(
    fc.property(total, total, total, total, (count, a, b, c) => {
      const all = messages(Array.from({ length: count }, (_, index) => index))
      // The new connection brings all messages from `begin` on, the old one all up to `end`. Some of the new
      // connection's messages arrive after the switch.
      const [begin, end] = [Math.min(a, b), Math.max(a, b)]
      const deduplicator = new Deduplicator()
      const delivered = all.slice(0, end)
      for (const message of delivered) deduplicator.delivered(message)
      const brought = all.slice(begin)
      for (const message of brought.slice(0, c)) deduplicator.hold(message)
      delivered.push(...deduplicator.missing())
      for (const message of brought.slice(c)) if (!deduplicator.isDuplicate(message)) delivered.push(message)
      expect(delivered).toEqual(all)
    }),
  )
})

test('a delivered message makes one equal message a duplicate', () => {
  const deduplicator = new Deduplicator()
  const tick = { topic: 'tick' }
  deduplicator.delivered(tick)
  deduplicator.delivered(tick)
  expect([1, 2, 3].map(() => deduplicator.isDuplicate({ ...tick }))).toEqual([true, true, false])
})

test('a message without a payload equals one with null, as Socket.IO sends it', () => {
  const deduplicator = new Deduplicator()
  deduplicator.delivered({ topic: 'a' })
  expect(deduplicator.isDuplicate({ topic: 'a', payload: null })).toBe(true)
})

test.each([
  ['topic', { topic: 'b', payload: 1 }],
  ['payload', { topic: 'a', payload: 2 }],
  ['place in the history', { topic: 'a', payload: 1, cursor: 'x' }],
  ['list of topics', { topic: 'a', payload: 1, topics: ['c'] }],
])('messages that differ in their %s are no duplicates', (_what, other) => {
  const deduplicator = new Deduplicator()
  deduplicator.delivered({ topic: 'a', payload: 1 })
  expect(deduplicator.isDuplicate(other)).toBe(false)
})

test('a message that came before the request on the new connection does not swallow an equal one after the reply', () => {
  const tick = { topic: 'tick' }
  const deduplicator = new Deduplicator()
  deduplicator.delivered(tick)
  deduplicator.delivered(tick)
  deduplicator.hold(tick)
  deduplicator.mark()
  deduplicator.delivered(tick)
  deduplicator.forget()
  expect(deduplicator.missing()).toEqual([])
  expect([1, 2].map(() => deduplicator.isDuplicate(tick))).toEqual([true, false])
})

test('memory is bounded: the oldest messages are forgotten, and holding ends', () => {
  const deduplicator = new Deduplicator()
  const large = (number: number): MessageFrame => ({ topic: 'n', payload: `${number}${'x'.repeat(100_000)}` })
  for (let number = 0; number < 200; number++) deduplicator.delivered(large(number))
  const remembered = Array.from({ length: 200 }, (_, number) => deduplicator.isDuplicate(large(number)))
  expect(remembered.indexOf(true)).toBeGreaterThan(150)
  expect(remembered.at(-1)).toBe(true)
  const held = Array.from({ length: 200 }, (_, number) => deduplicator.hold(large(number)))
  expect(held.filter(Boolean).length).toBeLessThan(50)
})
