import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Pacer } from '../../../client/connection/pacer.ts'
import { RateLimit } from '../../../core/admission/rate-limit.ts'

const rate = fc.integer({ min: 1, max: 10_000 })

test('a server with the announced rates refuses none of the frames, whatever their sizes and times', () => {
  const frame = fc.record({ bytes: fc.integer({ min: 1, max: 5_000 }), pause: fc.nat(500) })
  fc.assert(
    fc.property(rate, rate, rate, fc.integer({ min: 5_000, max: 50_000 }), fc.array(frame), (...limits) => {
      const [messageRate, messageBurst, byteRate, byteBurst, frames] = limits
      const pacer = new Pacer({ messageRate, messageBurst, byteRate, byteBurst }, 0)
      const server = [
        new RateLimit(messageRate, messageBurst, 0),
        new RateLimit(byteRate, byteBurst, 0),
      ] as const
      let now = 0
      for (const { bytes, pause } of frames) {
        now += pause
        now += pacer.wait(bytes, now)
        expect(pacer.wait(bytes, now)).toBe(0)
        pacer.take(bytes, now)
        expect([server[0].take(now), server[1].take(now, bytes)]).toEqual(['ok', 'ok'])
      }
    }),
  )
})

test('a server that announces no rates is not waited for', () => {
  const pacer = new Pacer({}, 0)
  for (let count = 0; count < 10_000; count++) {
    expect(pacer.wait(1_000_000, 0)).toBe(0)
    pacer.take(1_000_000, 0)
  }
})

test.each([0, -1, null, '100', Number.NaN])(
  'a rate of %s, which a wrong server may announce, counts as none',
  (wrong) => {
    const limits = { messageRate: wrong, messageBurst: wrong, byteRate: wrong, byteBurst: wrong }
    const pacer = new Pacer(limits as object, 0)
    pacer.take(1_000_000, 0)
    expect(pacer.wait(1_000_000, 0)).toBe(0)
  },
)

test('a wait is never longer than a timer can be, which would fire at once', () => {
  const pacer = new Pacer({ messageRate: 1e-9, messageBurst: 1 }, 0)
  pacer.take(1, 0)
  expect(pacer.wait(1, 0)).toBe(2 ** 31 - 1)
})

test('frames that must not wait are paid for by later frames', () => {
  const pacer = new Pacer({ messageRate: 100, messageBurst: 100 }, 0)
  for (let count = 0; count < 100; count++) pacer.take(1, 0)
  expect(pacer.wait(1, 0)).toBeGreaterThan(250)
})
