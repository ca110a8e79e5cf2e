import type { App } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { connectBare } from '../support/bare-client.ts'
import { RawWebSocket } from '../support/raw-websocket.ts'

const NO_LIMIT = 1_000_000

const limits = { messageRate: NO_LIMIT, messageBurst: NO_LIMIT }

/** A large answer: a connection buffers only a few of them. */
const BIG = 'x'.repeat(60_000)

/** More answers than the kernel and `maxBuffered` hold. */
const QUESTIONS = 400

const startAsked = async () => {
  const asked: number[] = []
  const prepare = (app: App) => {
    app.handle('ask', (_ctx, payload) => {
      asked.push(payload as number)
      return BIG
    })
    app.handle('echo', (_ctx, payload) => payload)
  }
  return { ...(await startApp({ limits, prepare })), asked }
}

/** A peer that has requested more answers than it reads. */
const askUnread = async (url: string, asked: readonly number[]) => {
  const peer = await RawWebSocket.connect(url)
  peer.pause()
  for (let id = 0; id < QUESTIONS; id++) peer.text(`{"topic":"ask","id":${id},"payload":${id}}`)
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(5), { interval: 5 })
  return peer
}

describe('a peer that does not read its answers', () => {
  it('is not read until it reads, and then gets all answers in order', async () => {
    const { url, app, asked } = await startAsked()
    const other = await connectBare(url)
    const peer = await askUnread(url, asked)
    // Turns of the event loop in which all messages could have been answered several times.
    for (let question = 0; question < 300; question++) {
      expect((await other.ask({ topic: 'echo', payload: question })).payload).toBe(question)
    }
    expect(app.sessions.size).toBe(2)
    expect(asked.length).toBeLessThan(QUESTIONS)
    peer.resume()
    await peer.until(({ id }) => id === QUESTIONS - 1)
    const ids = peer.frames.flatMap(({ id }) => (id === undefined ? [] : [id]))
    expect(ids).toEqual(Array.from({ length: QUESTIONS }, (_, id) => id))
    expect(asked).toHaveLength(QUESTIONS)
    expect(app.refusals).toEqual({})
  })

  it('is still read now and then, so that it can answer pings', async () => {
    const { url, asked } = await startAsked()
    const other = await connectBare(url)
    await askUnread(url, asked)
    for (let question = 0; question < 300; question++) await other.ask({ topic: 'echo', payload: question })
    const heard = asked.length
    expect(heard).toBeLessThan(QUESTIONS)
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(heard), { interval: 5 })
  })

  it('leaves nothing behind when it disconnects', async () => {
    const { url, app, asked } = await startAsked()
    const peer = await askUnread(url, asked)
    peer.reset()
    await vi.waitFor(() => expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 }))
  })
})
