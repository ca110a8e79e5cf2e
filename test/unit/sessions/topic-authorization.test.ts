import { describe, expect, it } from 'vitest'
import { Frame } from '../../../core/protocol/frame.ts'
import { Authorization, type Authorizer } from '../../../core/sessions/authorization.ts'
import { FanOut } from '../../../core/sessions/fan-out.ts'
import {
  type SubscribingSession,
  Subscriptions,
  type SubscriptionsHost,
} from '../../../core/sessions/subscriptions.ts'
import { TopicDecisions } from '../../../core/sessions/topic-decisions.ts'
import { topicMatches } from '../../../core/topics/topic.ts'
import { verifies } from '../../requirements.ts'

interface Question {
  readonly topic: string
  readonly answer: (allowed: boolean) => void
}

/** A session whose topics are authorized one by one, except those that `free` matches. */
const open = ({ ask = true, free = 'free/*', maxBuffered = 1000 } = {}) => {
  const questions: Question[] = []
  const heard: string[] = []
  const reported: unknown[] = []
  const rights = { topics: (topic: string) => !topic.includes('secret') }
  const authorizer: Authorizer = {
    authorize: (_session, _action, topic) =>
      ask && !topicMatches(free, topic)
        ? new Promise((resolve) => void questions.push({ topic, answer: resolve }))
        : rights.topics(topic),
    authorizePattern: (_session, pattern) => pattern === free || 'each',
  }
  const access = new Authorization()
  access.add(authorizer)
  const delivery = new FanOut(() => {})
  const session = {
    id: 's',
    closed: false,
    last: 0,
    deliver: (frame: Frame, _topic: string, topics: readonly string[]) => {
      if (session.hasTaken(frame) || patterns.hold(frame, topics)) return
      session.last = frame.delivery
      session.pass(frame)
    },
    hasTaken: (frame: Frame) => frame.delivery > 0 && session.last === frame.delivery,
    pass: (frame: Frame) => {
      session.last = Math.max(session.last, frame.delivery)
      heard.push(frame.text)
    },
    close: (error: { code: string }) => void heard.push(`closed ${error.code}`),
    receives: (topic: string, perTopic: boolean): boolean => patterns.matches(topic, perTopic),
  }
  const host = {
    authorization: access,
    decisions: new TopicDecisions(access, (error) => reported.push(error)),
    limits: { maxSubscriptions: 9, maxBuffered },
    checkPattern: () => {},
    refusedPattern: () => {},
    fanOut: delivery,
    report: (error: unknown) => reported.push(error),
  } as unknown as SubscriptionsHost
  const patterns: Subscriptions = new Subscriptions(session as unknown as SubscribingSession, host)
  Object.assign(session, { patterns, places: patterns })
  const publish = (payload: unknown, ...topics: string[]) =>
    delivery.deliver(topics, new Frame({ topic: topics[0] as string, payload }), null)
  const payloads = () => heard.map((text) => (text.startsWith('{') ? JSON.parse(text).payload : text))
  const answer = async (allowed = true) => {
    questions.shift()?.answer(allowed)
    await new Promise(setImmediate)
  }
  return { session, patterns, publish, payloads, questions, answer, rights, reported, delivery }
}

describe('a session whose topics are authorized one by one', () => {
  it('causes no question after it has closed', async () => {
    const { session, patterns, publish, questions } = open()
    await patterns.addForClient(['a/*'])
    session.closed = true
    publish(1, 'a/b')
    expect(questions).toEqual([])
  })

  it('gets the waiting messages in order when the answer is yes, and causes one question per topic', async () => {
    const { patterns, publish, payloads, questions, answer } = open()
    await patterns.addForClient(['*'])
    publish(1, 'a')
    publish(2, 'a')
    publish(3, 'b')
    expect(questions.map(({ topic }) => topic)).toEqual(['a', 'b'])
    expect(payloads()).toEqual([])
    await answer()
    await answer(false)
    publish(4, 'a')
    publish(5, 'b')
    expect(payloads()).toEqual([1, 2, 4])
    expect(questions).toEqual([])
  })

  it('gets an allowed message at once if the authorizer answers synchronously', async () => {
    const { patterns, publish, payloads } = open({ ask: false })
    await patterns.addForClient(['*'])
    publish(1, 'a')
    publish(2, 'secret')
    expect(payloads()).toEqual([1])
  })

  it('gets an event once, whatever its topics and in whatever order they are answered', async () => {
    const { patterns, publish, payloads, questions, answer } = open()
    await patterns.addForClient(['*', 'a/*'])
    publish('first', 'a/1', 'b')
    await answer()
    await answer()
    publish('known first', 'a/1', 'c')
    publish('asked first', 'd', 'a/1')
    while (questions.length > 0) await answer()
    expect(payloads().filter((payload) => payload === 'first')).toHaveLength(1)
    expect(payloads().filter((payload) => payload === 'known first')).toHaveLength(1)
    expect(payloads().filter((payload) => payload === 'asked first')).toHaveLength(1)
  })

  it('causes no question for an event that another pattern allows', async () => {
    const { patterns, publish, payloads, questions } = open()
    await patterns.addForClient(['*', 'free/*'])
    publish(1, 'free/x', 'a')
    publish(2, 'a', 'free/x')
    expect(questions).toEqual([])
    expect(new Set(payloads())).toEqual(new Set([1, 2]))
    expect(payloads()).toEqual([1, 2])
  })

  it('causes a new question after its rights have changed, even while one is pending', async () => {
    const { patterns, publish, payloads, questions, answer } = open()
    await patterns.addForClient(['*'])
    publish(1, 'a')
    await answer()
    publish(2, 'b')
    await patterns.recheck()
    publish(3, 'a')
    // This answers the question from before the change.
    await answer(true)
    expect(questions.map(({ topic }) => topic)).toEqual(['b', 'a'])
    await answer(false)
    await answer(false)
    publish(4, 'b')
    expect(payloads()).toEqual([1])
  })

  it('is closed as a slow consumer if the waiting messages exceed maxBuffered', async () => {
    verifies('delivery.slow.authorizers')
    const { patterns, publish, payloads } = open({ maxBuffered: 300 })
    await patterns.addForClient(['*'])
    for (let index = 0; index < 4; index++) publish('x'.repeat(90), `topic/${index}`)
    expect(payloads()).toContain('closed slow_consumer')
  })

  it('gets every message of more topics than it remembers', async () => {
    const { patterns, publish, payloads } = open({ ask: false })
    await patterns.addForClient(['*'])
    for (let index = 0; index < 25_000; index++) publish(index, `topic/${index}`)
    expect(payloads()).toHaveLength(25_000)
  })

  it('loses a revoked pattern, and leaves nothing behind', async () => {
    const { patterns, rights, delivery } = open({ ask: false })
    await patterns.addForClient(['*', 'a', 'b'])
    patterns.addForServer('a')
    rights.topics = (topic) => topic === 'b'
    expect(await patterns.recheck()).toEqual(['a'])
    expect(patterns.list).toEqual(['*', 'a', 'b'])
    patterns.removeForServer('a')
    patterns.clear()
    expect(delivery.size).toEqual({ patterns: 0, nodes: 0 })
  })
})
