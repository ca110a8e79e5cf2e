import type { App, ServerFrame, User } from 'rookery'
import { auth } from 'rookery/auth'
import type { Peer } from 'rookery/testing/conformance'
import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { ask, startThree, TRANSPORTS, until, welcomeBy } from '../support/three-transports.ts'

const payloads = (peer: Peer) =>
  peer.frames.flatMap((frame: ServerFrame) => (frame.type === undefined ? [frame.payload] : []))

/** Questions of the authorizers, by topic. The test answers them. */
class Questions {
  readonly asked: string[] = []
  readonly #waiting = new Map<string, ((allowed: boolean) => void)[]>()

  ask(topic: string): Promise<boolean> {
    this.asked.push(topic)
    return new Promise((resolve) => {
      this.#waiting.set(topic, [...(this.#waiting.get(topic) ?? []), resolve])
    })
  }

  answer(topic: string, allowed: boolean): void {
    for (const resolve of this.#waiting.get(topic) ?? []) resolve(allowed)
    this.#waiting.delete(topic)
  }
}

describe.each(TRANSPORTS)('an authorizer that takes time, over %s,', (transport) => {
  const start = async (options: { limits?: object } = {}) => {
    const questions = new Questions()
    const { app, url } = await startThree({
      ...options,
      prepare: (app: App) => {
        app.sessions.onAuthenticate((): User => ({ id: 'ada', name: 'Ada' }))
        app.sessions.addAuthorizer({
          authorize: (_session, _action, topic) => topic === 'echo' || questions.ask(topic),
          authorizePattern: (_session, pattern) => pattern === 'free/*' || 'each',
        })
      },
    })
    const peer = await welcomeBy(transport, url)
    await ask(peer, { type: 'subscribe', topics: ['*', 'free/*'] })
    return { app, peer, questions }
  }

  it('keeps the order of publishing, whatever it takes for each topic, and delays no reply', async () => {
    verifies('delivery.order.one-node')
    const { app, peer, questions } = await start()
    const topics = ['slow', 'quick', 'denied', 'free/1', 'slow', 'quick']
    for (const [index, topic] of topics.entries()) void app.publish(topic, index)
    questions.answer('quick', true)
    questions.answer('denied', false)
    expect(await ask(peer, { topic: 'echo', payload: 'reply' })).toBe('reply')
    expect(payloads(peer)).toEqual([])
    questions.answer('slow', true)
    await vi.waitFor(() => expect(payloads(peer)).toEqual([0, 1, 3, 4, 5]))
    expect(questions.asked).toEqual(['slow', 'quick', 'denied'])
  })

  it('does not let messages through that wait when the rights are taken away, or the subscription is removed', async () => {
    verifies('delivery.published.new-rights', 'delivery.subscriptions.after-unsubscribe')
    const { app, peer, questions } = await start()
    void app.publish('a', 'before')
    const [session] = app.sessions
    const renewed = session?.renew({ id: 'ada', name: 'Ada', less: true } as User)
    await vi.waitFor(() => expect(questions.asked).toEqual(['a', 'a']))
    // The oldest question is answered by the old rights, and does not count.
    questions.answer('a', false)
    await renewed
    void app.publish('b', 'removed')
    await ask(peer, { type: 'unsubscribe', topics: ['*'] })
    questions.answer('b', true)
    void app.publish('free/1', 'end')
    await until(peer, (frame) => frame.type === undefined && frame.payload === 'end')
    expect(payloads(peer)).toEqual(['end'])
  })

  it('holds at most maxBuffered bytes for a session, then the session is a slow consumer', async () => {
    verifies('delivery.slow.authorizers')
    const { app } = await start({ limits: { maxBuffered: 100_000 } })
    for (let count = 0; count < 3; count++) void app.publish('slow', '漢'.repeat(10_000))
    expect(app.refusals.slow_consumer).toBeUndefined()
    void app.publish('slow', '漢'.repeat(10_000))
    expect(app.refusals.slow_consumer).toBe(1)
  })
})

describe('decisions of auth({ authorize })', () => {
  const startAuth = async (reads: 'nothing' | 'session' | 'session later') => {
    const asked: string[] = []
    const { app, url } = await startThree({
      plugins: [
        auth({
          authenticate: ({ query }) => {
            const [id = '', role] = (query.get('user') ?? '').split('/')
            return { id, name: id, role, ...(role === 'set' && { roles: new Set([query.get('n')]) }) }
          },
          authorize: async (ctx, _action, topic) => {
            asked.push(topic)
            if (reads === 'session') void ctx.session
            await Promise.resolve()
            if (reads === 'session later') void ctx.session
            return ctx.user?.role !== 'none'
          },
        }),
      ],
    })
    const open = async (user: string, n = '') => {
      const peer = await welcomeBy('websocket', url, { user, n })
      await ask(peer, { type: 'subscribe', topics: ['*'] })
      return peer
    }
    const publish = async (...peers: Peer[]) => {
      for (const number of [1, 2, 3]) await app.publish(`a/${number}`, number)
      await vi.waitFor(() => {
        for (const peer of peers) expect(payloads(peer)).toEqual([1, 2, 3])
      })
      return asked.length
    }
    return { open, publish }
  }

  it('are shared by equal users', async () => {
    const { open, publish } = await startAuth('nothing')
    expect(await publish(await open('ada/staff'), await open('ada/staff'))).toBe(3)
  })

  it('are not older than the session: a client that reconnects is asked about anew', async () => {
    const { open, publish } = await startAuth('nothing')
    const first = await open('ada/staff')
    expect(await publish(first)).toBe(3)
    await first.abort()
    expect(await publish(await open('ada/staff'))).toBe(6)
  })

  it.each(['session', 'session later'] as const)('are not shared if the function reads %s', async (reads) => {
    const { open, publish } = await startAuth(reads)
    expect(await publish(await open('ada/staff'), await open('ada/staff'))).toBeGreaterThanOrEqual(6)
  })

  it('are not shared by users who differ, or may differ in what JSON does not hold', async () => {
    const { open, publish } = await startAuth('nothing')
    const [staff, bob] = [await open('ada/staff'), await open('bob/staff')]
    const [set, otherSet] = [await open('ada/set', '1'), await open('ada/set', '2')]
    const none = await open('ada/none')
    expect(await publish(staff, bob, set, otherSet)).toBe(5 * 3)
    expect(payloads(none)).toEqual([])
  })
})
