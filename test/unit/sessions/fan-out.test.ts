import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Frame } from '../../../core/protocol/frame.ts'
import { Authorization } from '../../../core/sessions/authorization.ts'
import { FanOut } from '../../../core/sessions/fan-out.ts'
import {
  type SubscribingSession,
  Subscriptions,
  type SubscriptionsHost,
} from '../../../core/sessions/subscriptions.ts'

const PATTERNS = ['a', 'b', 'a/*', '*']

/** Sessions that record their frames, and the patterns that the fan-out reports as wanted. */
const createSessions = (count: number) => {
  const interests = new Set<string>()
  const delivery = new FanOut((pattern, wanted) => {
    expect(interests.has(pattern)).toBe(!wanted)
    if (wanted) interests.add(pattern)
    else interests.delete(pattern)
  })
  const host = {
    authorization: new Authorization(),
    fanOut: delivery,
    limits: { maxSubscriptions: 9 },
    checkPattern: () => {},
    refusedPattern: () => {},
  }
  const sessions = Array.from({ length: count }, (_, index) => {
    const heard: unknown[] = []
    const session = {
      id: `${index}`,
      closed: false,
      onDeliver: () => {},
      deliver: (frame: Frame) => {
        // A session does the same: its outbox drops a frame that it has just queued.
        if (session.closed) return
        if (heard.at(-1) !== frame) heard.push(frame)
        session.onDeliver()
      },
    }
    const patterns = new Subscriptions(
      session as unknown as SubscribingSession,
      host as unknown as SubscriptionsHost,
    )
    const close = () => {
      session.closed = true
      patterns.clear()
    }
    return { ...Object.assign(session, { patterns, places: patterns }), session, heard, close }
  })
  const publish = (topic: string, except: string | null = null) => {
    const frame = new Frame({ topic, payload: null })
    delivery.deliver([topic], frame, except)
    return sessions.flatMap(({ id, heard }) => (heard.at(-1) === frame ? [id] : []))
  }
  return { sessions, interests, delivery, publish }
}

describe('the fan-out', () => {
  it('delivers to exactly the subscribed sessions after any sequence of changes, and is empty without any', () => {
    const step = fc.record({
      session: fc.nat({ max: 4 }),
      pattern: fc.constantFrom(...PATTERNS),
      act: fc.constantFrom('addForClient', 'removeForClient', 'addForServer', 'removeForServer', 'clear'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { sessions, interests, delivery, publish } = createSessions(5)
        for (const { session, pattern, act } of steps) {
          const { patterns } = sessions[session] as (typeof sessions)[number]
          if (act === 'clear') patterns.clear()
          else if (act === 'addForServer' || act === 'removeForServer') patterns[act](pattern)
          else patterns[act]([pattern])
          const having = (...some: string[]) =>
            sessions.filter(({ patterns: { list } }) => some.some((one) => list.includes(one)))
          expect(publish('a')).toEqual(having('a', '*').map(({ id }) => id))
          expect(publish('a/b')).toEqual(having('a/*', '*').map(({ id }) => id))
          expect([...interests].sort()).toEqual(PATTERNS.filter((one) => having(one).length > 0).sort())
        }
        for (const { patterns } of sessions) patterns.clear()
        expect(delivery.size).toEqual({ patterns: 0, nodes: 0 })
        expect([...interests]).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  it('leaves out no session when others close during a delivery', () => {
    const { sessions, publish } = createSessions(6)
    for (const { patterns } of sessions) patterns.addForClient(['a'])
    const [first, second, third] = sessions as [
      (typeof sessions)[0],
      (typeof sessions)[0],
      (typeof sessions)[0],
    ]
    second.session.onDeliver = () => {
      first.close()
      second.close()
      third.close()
    }
    expect(publish('a')).toEqual(['0', '1', '3', '4', '5'])
    expect(publish('a')).toEqual(['3', '4', '5'])
  })

  it('leaves out the publishing session, even if its place has changed', () => {
    const { sessions, publish } = createSessions(4)
    for (const { patterns } of sessions) patterns.addForClient(['a'])
    sessions[0]?.patterns.removeForClient(['a'])
    expect(publish('a', '3')).toEqual(['1', '2'])
  })
})
