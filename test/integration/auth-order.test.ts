import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { connect, makeToken, startAuth } from './auth-support.ts'

describe('a session with a new token', () => {
  it('gets no message of 100 guarded topics that the new token denies, while a slow authorize decides', async () => {
    const { app, url } = await startAuth({
      authorize: async ({ claims }, action) => {
        const level = claims?.level
        if (action === 'subscribe') await delay(50)
        return level !== 'guest'
      },
    })
    const peer = await connect(url, await makeToken({ level: 'staff' }))
    const topics = Array.from({ length: 100 }, (_one, index) =>
      index % 2 ? `secret/${index}` : `s${index}/*`,
    )
    expect((await peer.ask({ type: 'subscribe', topics })).payload.topics).toHaveLength(100)
    const publish = () => {
      for (let index = 0; index < 100; index++)
        void app.publish(index % 2 ? `secret/${index}` : `s${index}/x`, 'secret')
    }
    const messages = () => peer.frames.filter(({ payload }) => payload === 'secret').length
    publish()
    await vi.waitFor(() => expect(messages()).toBe(100))
    peer.send({ type: 'auth', id: 900, token: await makeToken({ level: 'guest' }) })
    const session = [...app.sessions][0]
    const before = session?.user
    await vi.waitFor(() => expect(session?.user).not.toBe(before))
    const taken = messages()
    const publishing = setInterval(publish, 5)
    onTestFinished(() => clearInterval(publishing))
    await peer.until(({ type, id }) => type === 'reply' && id === 900)
    publish()
    await peer.ask({ topic: 'auth/logout' })
    expect(messages()).toBe(taken)
  })

  it('has the last of several tokens that were sent at once, however long each is verified', async () => {
    let made = 0
    const { url } = await startAuth({
      user: async ({ sub, level }) => {
        // The first token takes longer than the later ones.
        await delay(made++ === 1 ? 100 : 0)
        return { id: String(sub), name: String(level) }
      },
    })
    const peer = await connect(url, await makeToken({ level: 0 }))
    const tokens = await Promise.all([1, 2, 3].map((level) => makeToken({ level })))
    const replies = tokens.map((token) => peer.ask({ type: 'auth', token }))
    const asked = peer.ask({ topic: 'whoami' })
    await Promise.all(replies)
    expect((await asked).payload).toMatchObject({ name: '3' })
  })
})
