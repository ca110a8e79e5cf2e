import { describe, expect, it } from 'vitest'
import { history } from '../../plugins/history/index.ts'
import { startApp } from '../support/app.ts'
import { connectBare } from '../support/bare-client.ts'

const start = (options: Partial<Parameters<typeof history>[0]> = {}) =>
  startApp({ plugins: [history({ topics: ['kept/*'], ...options })] })

describe('an app with history', () => {
  it('replays what was published after a cursor, and goes on', async () => {
    const { url, app } = await start()
    const first = await connectBare(url)
    const { payload } = await first.ask({ type: 'subscribe', topics: ['kept/*'] })
    await app.publish('kept/a', 1)
    await first.until(({ topic }) => topic === 'kept/a')
    const [message] = first.frames.filter(({ topic }) => topic === 'kept/a')
    expect(message).toEqual({ topic: 'kept/a', payload: 1, cursor: expect.stringMatching(/^[\w-]{22}$/) })
    expect(payload.cursor).not.toBe(message?.cursor)
    first.socket.close()
    await app.publish('kept/b', 2)
    await app.publish('other', 'unseen')
    await app.publish('kept/a', 3)
    const second = await connectBare(url)
    const reply = await second.ask({ type: 'subscribe', topics: ['kept/*'], since: message?.cursor })
    expect(reply.payload).toEqual({ topics: ['kept/*'] })
    const end = await second.until(({ type }) => type === 'replayed')
    await app.publish('kept/b', 4)
    await second.until(({ payload }) => payload === 4)
    expect(end).toMatchObject({ id: reply.id, recovered: true })
    const messages = second.frames.filter(({ type }) => type === undefined)
    expect(messages.map(({ payload, replayed }) => [payload, replayed])).toEqual([
      [2, true],
      [3, true],
      [4, undefined],
    ])
    expect(end.cursor).toBe(messages[1]?.cursor)
  })
})
