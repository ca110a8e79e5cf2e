import { createApp } from 'rookery'
import { auth } from 'rookery/auth'
import { advance, connect, settle } from 'rookery/testing'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { makeToken, SECRET } from '../unit/auth/support.ts'

type Options = Parameters<typeof createApp>[0]

const start = (options: Options = {}) => {
  const app = createApp({ logger: 'silent', allowAnonymous: true, ...options })
  onTestFinished(() => app.stop())
  app.handle('echo', (_ctx, payload) => payload)
  return app
}

const pass = (ms: number) => advance(ms, (step) => vi.advanceTimersByTimeAsync(step))

describe('fake timers of vitest', () => {
  beforeEach(() => {
    // As docs/testing.md says: frames leave in `setImmediate`.
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
    })
  })
  afterEach(() => void vi.useRealTimers())

  it('end a handler that takes too long', async () => {
    const app = start({ handlerTimeout: '10s' })
    app.handle('slow', () => new Promise((resolve) => setTimeout(resolve, 60_000)))
    const client = await connect(app, { callTimeout: 30_000 })
    const call = expect(client.call('slow')).rejects.toMatchObject({ code: 'handler_timeout' })
    await pass(10_000)
    await call
    await pass(60_000)
  })

  it('end a call that the client waits for too long', async () => {
    const app = start({ handlerTimeout: '60s' })
    let finish = () => {}
    app.handle('slow', () => new Promise<void>((resolve) => (finish = resolve)))
    const client = await connect(app, { callTimeout: 5_000 })
    const call = expect(client.call('slow')).rejects.toMatchObject({ code: 'call_timeout' })
    await pass(5_000)
    await call
    finish()
  })

  it('refill the rate of a client', async () => {
    const app = start({ limits: { messageRate: 1, messageBurst: 1 } })
    const client = await connect(app)
    expect(await client.call('echo', 1)).toBe(1)
    const second = client.call('echo', 2)
    let replied = false
    void second.then(() => {
      replied = true
    })
    await settle()
    expect(replied).toBe(false)
    await pass(2_000)
    expect(await second).toBe(2)
  })

  it('keep a connection alive: the server pings, and the client answers', async () => {
    const app = start({ pingInterval: '25s', pingTimeout: '10s' })
    const client = await connect(app)
    const { session } = client
    await pass(90_000)
    expect(client.session).toBe(session)
    expect(client.state).toBe('open')
  })

  it('reconnect a client after its wait', async () => {
    const client = await connect(start(), { reconnect: { min: 60_000, max: 60_000 } })
    client.dropConnection()
    expect(client.state).toBe('waiting')
    await pass(60_000)
    expect(client.state).toBe('open')
  })

  it('expire a token', async () => {
    const expires = Math.floor(Date.now() / 1000) + 60
    const token = await makeToken({ sub: 'u1', exp: expires })
    const app = start({ plugins: [auth({ jwt: { secret: SECRET }, grace: '5s' })] })
    const client = await connect(app, { token })
    const closed = new Promise<string>((resolve) => client.on('close', ({ error }) => resolve(error.code)))
    await pass(70_000)
    expect(await closed).toBe('token_expired')
  })

  it('do not delay the failure of inbox.next()', async () => {
    const client = await connect(start())
    const inbox = await client.messages('news')
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow(/within 1 ms/)
  })
})

describe('settle()', () => {
  it('waits for messages that handlers publish in turn', async () => {
    const app = start()
    app.handle('relay', async (ctx, payload) => {
      await Promise.resolve()
      await ctx.publish('relayed', payload)
    })
    const client = await connect(app)
    const inbox = await client.messages('relayed')
    client.subscribe<number>('relayed', (count) => count < 3 && client.send('relay', count + 1))
    client.send('relay', 1)
    await settle()
    expect(inbox.all.map(({ payload }) => payload)).toEqual([1, 2, 3])
  })
})
