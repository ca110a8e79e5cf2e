import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LocalSubscription } from '../../../client/messages/subscription.ts'
import { Subscriptions } from '../../../client/messages/subscriptions.ts'
import type {
  ReplyFrame,
  SubscribeFrame,
  UnsubscribedFrame,
  UnsubscribeFrame,
} from '../../../core/protocol/protocol.ts'

const REFUSED = 'refused'
const pattern = fc.constantFrom('a', 'b', 'c/*', REFUSED)

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('subscribe' as const), pattern }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('cancel' as const), index: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revoke' as const), pattern }) },
)

/** A server that handles frames in order. Refuses one pattern, and answers a frame with several pattern by pattern. */
class ModelServer {
  held: string[] = []
  /** Patterns that the server has ended once. */
  readonly revoked = new Set<string>()
  readonly inbox: (SubscribeFrame | UnsubscribeFrame)[] = []

  answer(): ReplyFrame | undefined {
    const frame = this.inbox.shift()
    if (!frame) return undefined
    const { id = -1, topics } = frame
    if (frame.type === 'unsubscribe') {
      const known = [...this.held, ...this.revoked]
      expect(known, 'unsubscribes only what is held').toEqual(expect.arrayContaining([...topics]))
      this.held = this.held.filter((held) => !topics.includes(held))
      return { type: 'reply', id, payload: { topics } }
    }
    const error = { code: 'forbidden', message: 'No' }
    if (topics.length === 1 && topics[0] === REFUSED) return { type: 'reply', id, error }
    const accepted = topics.filter((topic) => topic !== REFUSED)
    for (const topic of accepted) expect(this.held, 'subscribes a pattern once').not.toContain(topic)
    this.held.push(...accepted)
    const refused = accepted.length < topics.length ? { refused: [{ topic: REFUSED, error }] } : {}
    return { type: 'reply', id, payload: { topics: accepted, ...refused } }
  }

  revoke(pattern: string): UnsubscribedFrame | undefined {
    if (!this.held.includes(pattern)) return undefined
    this.held = this.held.filter((held) => held !== pattern)
    this.revoked.add(pattern)
    return { type: 'unsubscribed', topics: [pattern], error: { code: 'forbidden', message: 'No longer' } }
  }

  lose(): void {
    this.held = []
    this.inbox.length = 0
  }
}

test('the server ends up with exactly the patterns that have listeners, whatever happens in whatever order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const server = new ModelServer()
      const subscriptions: LocalSubscription[] = []
      let id = 0
      const serverSubscriptions = new Subscriptions(
        { min: 1, max: 1 },
        { nextId: () => ++id, due: () => {}, refused: () => {} },
        { initial: null, changed: () => {} },
      )
      const send = () => {
        const request = serverSubscriptions.requests.peek()
        serverSubscriptions.requests.shift()
        if (request) server.inbox.push(request.frame as SubscribeFrame | UnsubscribeFrame)
        return request !== undefined
      }
      const answer = () => {
        const reply = server.answer()
        if (reply) serverSubscriptions.onReply(reply)
        return reply !== undefined
      }
      const revoke = (pattern: string) => {
        const frame = server.revoke(pattern)
        if (frame) serverSubscriptions.revoke(frame)
      }

      for (const next of steps) {
        if (next.do === 'subscribe') subscriptions.push(serverSubscriptions.add(next.pattern, () => {}))
        else if (next.do === 'cancel') subscriptions[next.index]?.cancel()
        else if (next.do === 'send') send()
        else if (next.do === 'answer') answer()
        else if (next.do === 'revoke') revoke(next.pattern)
        else {
          server.lose()
          serverSubscriptions.reset()
        }
      }
      while (send() || answer());

      const wanted = subscriptions.filter(
        ({ state, pattern }) =>
          state !== 'cancelled' &&
          pattern !== REFUSED &&
          !(state === 'failed' && server.revoked.has(pattern)),
      )
      expect(new Set(server.held)).toEqual(new Set(wanted.map((subscription) => subscription.pattern)))
      for (const { state } of wanted) expect(state).toBe('active')
      for (const { state, pattern } of subscriptions) {
        if (pattern === REFUSED) expect(['failed', 'cancelled']).toContain(state)
      }
    }),
    { numRuns: 1000 },
  )
})
