import { createClient, sse, websocket } from 'rookery/client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { bearer, connect, makeToken, now, refusal, SECRET, startAuth } from './auth-support.ts'

const jwt = { secret: SECRET, clockTolerance: '2m' } as const

describe('a token within the clock tolerance', () => {
  it.each([24, 60, 110])('that has expired %d s ago opens a session that stays open', async (seconds) => {
    const { url, auth } = await startAuth({ jwt, grace: 0 })
    const token = await makeToken({ iat: now() - 600, exp: now() - seconds })
    const peer = await connect(url, token)
    const left = (120 - seconds) * 1000
    const { payload } = await peer.ask({ type: 'auth', token })
    expect(payload.expiresIn).toBeGreaterThan(left - 5000)
    expect(payload.expiresIn).toBeLessThanOrEqual(left + 1000)
    expect((await auth.verify(token)).expiresAt).toBeGreaterThan(Date.now())
    expect(peer.closed).toBeUndefined()
  })

  it('ends its session at the end of the tolerance', async () => {
    const { url } = await startAuth({ jwt, grace: 0 })
    const token = await makeToken({ iat: now() - 600, exp: now() - 118 })
    const peer = await connect(url, token)
    expect(await peer.untilClosed()).toEqual({ code: 4401, reason: 'token_expired' })
    expect(await refusal(url, bearer(token))).toBe('token_expired')
  })

  it.each([
    ['WebSocket', () => websocket({ WebSocket })],
    ['server-sent events', () => sse()],
  ])('is asked for at most once a second over %s', async (_name, transport) => {
    const { url } = await startAuth({ jwt })
    const fixed = await makeToken({ iat: now() - 600, exp: now() - 112 })
    const began = performance.now()
    const token = vi.fn(() => fixed)
    const client = createClient({ url, transports: [transport()], token })
    onTestFinished(() => client.close())
    const opened = vi.fn()
    client.on('open', opened)
    await client.ready()
    await vi.waitFor(() => expect(token.mock.calls.length).toBeGreaterThan(2), { timeout: 20_000 })
    expect(opened).toHaveBeenCalledTimes(1)
    const seconds = (performance.now() - began) / 1000
    // One call for the connection, and one for each request of the server.
    expect(token.mock.calls.length).toBeLessThanOrEqual(2 + seconds)
  })
})
