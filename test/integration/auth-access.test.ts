import { RookeryError, type Session } from 'rookery'
import type { AuthOptions } from 'rookery/auth'
import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import type { BareClient } from '../support/bare-client.ts'
import { SseReader } from '../support/sse-reader.ts'
import { bearer, connect, connectSocketIo, makeToken, refusal, startAuth } from './auth-support.ts'

const subscribe = async (peer: BareClient, ...topics: string[]): Promise<string> =>
  (await peer.ask({ type: 'subscribe', topics })).error?.code ?? 'ok'

const send = async (peer: BareClient, topic: string): Promise<string> =>
  (await peer.ask({ topic, payload: 1 })).error?.code ?? 'ok'

describe('without rules', () => {
  it('an authenticated client may do everything', async () => {
    const { url } = await startAuth()
    const peer = await connect(url, await makeToken())
    expect(await subscribe(peer, '*')).toBe('ok')
    expect(await send(peer, 'echo')).toBe('ok')
  })
})

describe('the permissions claim of a token', () => {
  const rookery = { subscribe: ['rooms/*', 'users/ada/inbox'], send: ['echo'] }

  it('allows what one of its patterns covers, and refuses everything else', async () => {
    const { url } = await startAuth()
    const peer = await connect(url, await makeToken({ rookery }))
    expect(await subscribe(peer, 'rooms/1/*')).toBe('ok')
    expect(await subscribe(peer, 'users/ada/inbox')).toBe('ok')
    expect(await send(peer, 'echo')).toBe('ok')
    for (const pattern of ['*', 'users/*', 'users/ada/*', 'users/*/inbox']) {
      expect(await subscribe(peer, pattern), pattern).toBe('forbidden')
    }
    expect(await send(peer, 'whoami')).toBe('forbidden')
  })

  it('may have another name, and applies to the topics of an event stream', async () => {
    const { url } = await startAuth({ claim: 'perms' })
    const headers = { authorization: `Bearer ${await makeToken({ perms: rookery })}` }
    const open = async (topic: string) =>
      (await SseReader.open(`${url}/api/v1/sse?topic=${topic}`, headers)).response
    expect((await open('rooms/1/*')).status).toBe(200)
    expect((await open('*')).status).toBe(403)
  })

  it('applies to Socket.IO, too', async () => {
    const { url } = await startAuth()
    const { socket } = await connectSocketIo(url, { token: await makeToken({ rookery }) })
    const refused = await socket.emitWithAck('subscribe', ['*'])
    expect(JSON.stringify(refused)).toContain('forbidden')
    expect(JSON.stringify(await socket.emitWithAck('whoami'))).toContain('forbidden')
  })
})

describe('rules', () => {
  const rules: AuthOptions['rules'] = {
    subscribe: { 'users/:id/*': ({ user, params }) => params.id === user.id, 'rooms/*': true },
    send: { echo: true },
  }

  it('allow what one of them covers, and a wildcard cannot bypass them', async () => {
    const { url, app } = await startAuth({ rules })
    const peer = await connect(url, await makeToken())
    expect(await subscribe(peer, 'users/ada/*', 'rooms/*')).toBe('ok')
    for (const pattern of ['*', 'users/*', 'users/*/inbox', 'users/bob/inbox', '*/*', 'orders/1']) {
      expect(await subscribe(peer, pattern), pattern).toBe('forbidden')
    }
    await app.publish('users/bob/inbox', 'secret')
    await app.publish('users/ada/inbox', 'hello')
    await peer.until(({ topic }) => topic === 'users/ada/inbox')
    expect(peer.on('users/bob/inbox')).toEqual([])
    expect(await send(peer, 'echo')).toBe('ok')
    expect(await send(peer, 'whoami')).toBe('forbidden')
  })

  it('cannot forbid auth/logout', async () => {
    const { url } = await startAuth({ rules: { send: {} } })
    const peer = await connect(url, await makeToken({ rookery: {} }))
    expect(await send(peer, 'echo')).toBe('forbidden')
    expect((await peer.ask({ topic: 'auth/logout' })).payload).toEqual({ sessions: 1, missing: [] })
  })

  it('that throw refuse, and hide the error from the client', async () => {
    const broken = () => {
      throw new Error('secret detail')
    }
    const { url } = await startAuth({ rules: { subscribe: { 'a/:b': broken } } })
    const peer = await connect(url, await makeToken())
    expect(await subscribe(peer, 'a/b')).toBe('internal')
    expect(JSON.stringify(peer.frames)).not.toContain('secret detail')
  })
})

describe('rooms', () => {
  it('may be joined if both the claim and the rules allow it', async () => {
    const { url, app } = await startAuth({
      rules: {
        join: { 'team-1': true, 'team-2': true, ':own': ({ user, params }) => params.own === user.id },
      },
    })
    await connect(url, await makeToken({ rookery: { join: ['team-1', 'ada', 'bob'] } }))
    const [session] = app.sessions
    const join = async (room: string) => {
      try {
        await app.sessions.authorize(session as Session, 'join', room)
        return 'ok'
      } catch (error) {
        return (error as RookeryError).code
      }
    }
    const rooms = ['team-1', 'team-2', 'ada', 'bob', '42']
    expect(await Promise.all(rooms.map(join))).toEqual(['ok', 'forbidden', 'ok', 'forbidden', 'forbidden'])
  })
})

describe('authorize', () => {
  it('is called once for each topic of a wildcard, before its first message', async () => {
    const asked: string[] = []
    verifies('delivery.published.not-allowed')
    const { url, app } = await startAuth({
      authorize: async ({ user, claims }, action, topic) => {
        asked.push(`${user?.id} ${claims?.sub} ${action} ${topic}`)
        return !topic.includes('secret')
      },
    })
    const peer = await connect(url, await makeToken())
    expect(await subscribe(peer, '*')).toBe('ok')
    for (const count of [1, 2]) {
      await app.publish('a/secret', count)
      await app.publish('a/open', count)
    }
    await vi.waitFor(() => expect(peer.on('a/open')).toEqual([1, 2]))
    expect(peer.on('a/secret')).toEqual([])
    expect(asked).toEqual(['ada ada subscribe a/secret', 'ada ada subscribe a/open'])
    expect(await subscribe(peer, 'x/secret')).toBe('forbidden')
    expect(await send(peer, 'echo')).toBe('ok')
    expect(asked).toContain('ada ada send echo')
  })

  it('allows only by returning true, and only what rules and claim allow', async () => {
    let answer: unknown = true
    const { url } = await startAuth({
      rules: { send: { echo: true } },
      authorize: () => (typeof answer === 'function' ? answer() : answer),
    })
    const peer = await connect(url, await makeToken())
    expect(await send(peer, 'whoami')).toBe('forbidden')
    expect(await send(peer, 'echo')).toBe('ok')
    for (answer of [1, 'yes', {}, undefined, Promise.resolve('yes'), Promise.resolve(false)]) {
      expect(await send(peer, 'echo')).toBe('forbidden')
    }
    answer = () => Promise.reject(new RookeryError('too_many_rooms', 'Enough'))
    expect(await send(peer, 'echo')).toBe('too_many_rooms')
  })

  it('delays messages while it decides, and keeps their order', async () => {
    let allow = (_allowed: boolean): void => {}
    const { url, app } = await startAuth({
      authorize: (_ctx, _action, topic) =>
        topic === 'slow' ? new Promise<boolean>((resolve) => (allow = resolve)) : true,
    })
    const peer = await connect(url, await makeToken())
    await subscribe(peer, '*')
    for (const count of [1, 2, 3]) await app.publish('slow', count)
    await app.publish('quick', 4)
    expect(await send(peer, 'echo')).toBe('ok')
    expect(peer.on('slow')).toEqual([])
    allow(true)
    await peer.until(({ topic }) => topic === 'quick')
    expect(peer.frames.flatMap(({ topic, payload }) => (topic ? [payload] : []))).toEqual([1, 2, 3, 4])
  })

  it('delays a message that the client sends after a subscription until the subscription is decided', async () => {
    const { url } = await startAuth(
      {
        authorize: async (_ctx, action) =>
          action === 'send' || (await new Promise((resolve) => setImmediate(resolve, true))),
      },
      { prepare: (app) => void app.handle('say', (ctx) => ctx.publish('said', 1)) },
    )
    verifies('protocol.order.after-pending-subscribe', 'delivery.subscriptions.message-after-subscribe')
    const peer = await connect(url, await makeToken())
    peer.send({ type: 'subscribe', topics: ['said'] })
    peer.send({ topic: 'say' })
    await peer.until(({ topic }) => topic === 'said')
  })
})

describe('a session without a user', () => {
  it('may do what a rule allows with true', async () => {
    const { url } = await startAuth({
      required: false,
      rules: { subscribe: { 'public/*': true, 'mine/*': () => true } },
    })
    const peer = await connect(url, '')
    expect(peer.frames[0]?.user).toBeNull()
    expect(await subscribe(peer, 'public/*')).toBe('ok')
    expect(await subscribe(peer, 'mine/*')).toBe('forbidden')
    expect(await refusal(url, bearer('x'))).toBe('invalid_token')
  })
})

describe('a new token', () => {
  it('removes subscriptions that it does not allow, and the client is told', async () => {
    const { url, app } = await startAuth()
    verifies(
      'protocol.client-frame.new-token-removes-subscriptions',
      'protocol.server-frame.unsubscribed',
      'delivery.subscriptions.removed-is-told',
    )
    const peer = await connect(
      url,
      await makeToken({ rookery: { subscribe: ['a/*', 'b/*'], send: ['echo'] } }),
    )
    expect(await subscribe(peer, 'a/*', 'b/*')).toBe('ok')
    const token = await makeToken({ rookery: { subscribe: ['b/*'] } })
    expect((await peer.ask({ type: 'auth', token })).payload.expiresIn).toBeGreaterThan(590_000)
    expect(await peer.until(({ type }) => type === 'unsubscribed')).toMatchObject({
      topics: ['a/*'],
      error: { code: 'forbidden' },
    })
    await app.publish('a/1', 1)
    await app.publish('b/1', 1)
    await peer.until(({ topic }) => topic === 'b/1')
    expect(peer.on('a/1')).toEqual([])
    expect(await send(peer, 'echo')).toBe('forbidden')
  })

  it('decides about a subscription that was requested before it and is decided after it', async () => {
    const answers: ((allowed: boolean) => void)[] = []
    const { url, app } = await startAuth({
      authorize: ({ claims }, action) =>
        action === 'subscribe' && claims?.role === 'admin'
          ? new Promise<boolean>((resolve) => answers.push(resolve))
          : claims?.role === 'admin',
    })
    const peer = await connect(url, await makeToken({ role: 'admin' }))
    const subscribed = subscribe(peer, 'a/1')
    await vi.waitFor(() => expect(answers).toHaveLength(1))
    await peer.ask({ type: 'auth', token: await makeToken({ role: 'guest' }) })
    answers[0]?.(true)
    expect(await subscribed).toBe('forbidden')
    expect(app.usage.patterns).toBe(0)
  })

  it('makes authorize decide again about the topics of a wildcard', async () => {
    const { url, app } = await startAuth({ authorize: ({ claims }) => claims?.role === 'admin' })
    const peer = await connect(url, await makeToken({ role: 'admin' }))
    expect(await subscribe(peer, 'a/*')).toBe('ok')
    await app.publish('a/1', 'before')
    await peer.until(({ topic }) => topic === 'a/1')
    await peer.ask({ type: 'auth', token: await makeToken({ role: 'guest' }) })
    await app.publish('a/1', 'after')
    await peer.ask({ type: 'unsubscribe', topics: ['a/*'] })
    expect(peer.on('a/1')).toEqual(['before'])
  })
})
