/** Runs in a process of its own, with the test runner of Node. See testing.test.ts. */
import assert from 'node:assert/strict'
import { mock, type TestContext, test } from 'node:test'
import { createApp, RookeryError } from 'rookery'
import { rooms } from 'rookery/rooms'
import { advance, connect, request } from 'rookery/testing'

const ada = { id: 'u1', name: 'Ada' }

const start = (t: TestContext) => {
  const app = createApp({ logger: 'silent', allowAnonymous: true, plugins: [rooms()] })
  t.after(() => app.stop())
  app.handle('chat/send', async (ctx, payload) => {
    const { text } = payload as { text: string }
    if (text === '') throw new RookeryError('no_text', 'Write something')
    await ctx.publish('chat/messages', { from: ctx.user.name, text })
    return { sent: true }
  })
  return app
}

test('a handler', async (t) => {
  const app = start(t)
  assert.deepEqual(await request(app, 'chat/send', { text: 'hi' }, { user: ada }), { sent: true })
  await assert.rejects(request(app, 'chat/send', { text: '' }, { user: ada }), { code: 'no_text' })
})

test('messages', async (t) => {
  const app = start(t)
  const client = await connect(app, { user: ada })
  const inbox = await client.messages('chat/*')
  await client.call('chat/send', { text: 'hi' })
  assert.deepEqual((await inbox.next()).payload, { from: 'Ada', text: 'hi' })
  assert.equal(inbox.all.length, 1)
})

test('a timeout', async (t) => {
  const app = start(t)
  app.handle('slow', () => new Promise((resolve) => setTimeout(resolve, 20_000)))
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] })
  mock.method(performance, 'now', () => Date.now())
  t.after(() => {
    mock.timers.reset()
    mock.restoreAll()
  })
  const client = await connect(app, { callTimeout: 60_000 })
  const call = assert.rejects(client.call('slow'), { code: 'handler_timeout' })
  await advance(30_000, (ms) => mock.timers.tick(ms))
  await call
})

test('pings', async (t) => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] })
  mock.method(performance, 'now', () => Date.now())
  t.after(() => {
    mock.timers.reset()
    mock.restoreAll()
  })
  const client = await connect(start(t))
  const { session } = client
  await advance(120_000, (ms) => mock.timers.tick(ms))
  assert.equal(client.session, session)
})
