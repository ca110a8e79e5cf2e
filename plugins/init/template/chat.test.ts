import { connect } from 'rookery/testing'
import { expect, onTestFinished, test } from 'vitest'
import { createChat } from './chat.ts'

/** Creates an app for one test. `connect` starts it, and its clients are in the same process. */
const createTestChat = () => {
  const app = createChat()
  onTestFinished(() => app.stop())
  return app
}

test('all clients get a message', async () => {
  const app = createTestChat()
  const [ada, bob] = [await connect(app), await connect(app)]
  const inbox = await bob.messages('chat/messages')
  await ada.call('chat/send', { from: 'Ada', text: 'hello' })
  expect((await inbox.next()).payload).toEqual({ from: 'Ada', text: 'hello', at: expect.any(Number) })
})

test('a new client gets the latest messages', async () => {
  const app = createTestChat()
  const ada = await connect(app)
  await ada.call('chat/send', { from: 'Ada', text: 'hello' })
  const bob = await connect(app)
  const inbox = await bob.messages('chat/messages', { since: { last: 50 } })
  expect((await inbox.next()).payload.text).toBe('hello')
})

test('a message needs a text', async () => {
  const ada = await connect(createTestChat())
  const call = ada.call('chat/send', { from: 'Ada', text: ' ' })
  await expect(call).rejects.toMatchObject({ code: 'invalid_payload' })
})
