import { createApp } from 'rookery'
import { rooms } from 'rookery/rooms'
import { connect, settle, type TestClient } from 'rookery/testing'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

const start = () => {
  const app = createApp({ logger: 'silent', allowAnonymous: true, plugins: [rooms()] })
  onTestFinished(() => app.stop())
  return app
}

describe('client.messages()', () => {
  let app: ReturnType<typeof start>
  let client: TestClient

  beforeEach(async () => {
    app = start()
    client = await connect(app, { user: { id: 'u1', name: 'Ada' } })
  })

  it('collects what is published from then on, in order', async () => {
    const inbox = await client.messages('rooms/:room/messages')
    for (const room of ['1', '2', '3']) await app.publish(`rooms/${room}/messages`, { room })
    const messages = [await inbox.next(), await inbox.next(), await inbox.next()]
    expect(messages.map(({ topic }) => topic)).toEqual(
      ['1', '2', '3'].map((room) => `rooms/${room}/messages`),
    )
    expect(inbox.all).toEqual(messages)
  })

  it('gives waiting calls of next() the messages in their order', async () => {
    const inbox = await client.messages('news/*')
    const both = Promise.all([inbox.next(), inbox.next()])
    await app.publish('news/a', 1)
    await app.publish('news/b', 2)
    expect((await both).map(({ payload }) => payload)).toEqual([1, 2])
  })

  it('gets messages that are sent to the user, without a subscription', async () => {
    const inbox = await client.messages('inbox/new', { local: true })
    await app.send({ user: 'u1' }, 'inbox/new', { count: 3 })
    expect((await inbox.next()).payload).toEqual({ count: 3 })
    expect(app.usage.patterns).toBe(0)
  })

  it('rejects with the refusal of the server, also with one that may pass', async () => {
    app.sessions.addAuthorizer({
      authorize: (_session, _action, topic) => topic !== 'secret',
      authorizePattern: () => false,
    })
    await expect(client.messages('secret')).rejects.toMatchObject({ code: 'forbidden' })
    await expect(client.messages('news/*')).rejects.toMatchObject({ code: 'forbidden' })
    await expect(client.messages('$private')).rejects.toMatchObject({ code: 'reserved_topic' })
    await expect(client.messages('news/today')).resolves.toMatchObject({ all: [] })
  })

  it('tells what has arrived instead when next() waits in vain', async () => {
    const inbox = await client.messages('rooms/42/messages')
    await client.messages('rooms/7/*')
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow(
      "No message for 'rooms/42/messages' within 1 ms. The client has received: no message",
    )
    await app.publish('rooms/7/messages', { text: 'wrong room' })
    await settle()
    const failure = await inbox.next({ timeout: 1 }).catch((error) => error)
    expect(failure.message).toContain(`The client has received: rooms/7/messages {"text":"wrong room"}`)
    expect(failure.stack).toContain('testing-inbox.test.ts')
  })

  it('loses no message to a call of next() that has waited in vain', async () => {
    const inbox = await client.messages('news/*')
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow(/within 1 ms/)
    await app.publish('news/late', 'late')
    expect((await inbox.next()).payload).toBe('late')
  })

  it('fails a waiting next() when the client or the inbox closes', async () => {
    const [first, second] = [await client.messages('a'), await client.messages('b')]
    const next = expect(first.next()).rejects.toThrow(/before its subscription ended/)
    first.close()
    await next
    client.close()
    await expect(second.next()).rejects.toThrow(/before its subscription ended/)
    await expect(client.messages('c')).rejects.toMatchObject({ code: 'client_closed' })
  })

  it('fails a waiting next() when the server ends the subscription', async () => {
    let allowed = true
    app.sessions.addAuthorizer({ authorize: () => allowed, authorizePattern: () => allowed })
    const inbox = await client.messages('news')
    const next = expect(inbox.next()).rejects.toMatchObject({
      message: expect.stringMatching(/before its subscription ended/),
      cause: { code: 'forbidden' },
    })
    allowed = false
    await app.sessions.get(client.session as string)?.renew({ id: 'u1', name: 'Ada' })
    await next
  })

  it('ends its subscription when it closes', async () => {
    const inbox = await client.messages('news')
    expect(app.usage.patterns).toBe(1)
    inbox[Symbol.dispose]()
    await settle()
    expect(app.usage.patterns).toBe(0)
  })
})
