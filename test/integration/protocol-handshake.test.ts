import { rooms } from 'rookery/rooms'
import { sse } from 'rookery/sse'
import { describe, expect, it } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'
import { upgradeAnswer } from '../support/upgrade-answer.ts'

describe('the path of the WebSocket', () => {
  it('is /api/v1/ws by default, and an option', async () => {
    verifies('protocol.connect.path')
    const [byDefault, moved] = [await startApp(), await startApp({ websocket: { path: '/live' } })]
    expect((await upgradeAnswer(`${byDefault.url}/api/v1/ws`)).status).toBe(101)
    expect((await upgradeAnswer(`${moved.url}/live`)).status).toBe(101)
    expect((await upgradeAnswer(`${moved.url}/api/v1/ws`)).status).toBe(404)
  })
})

describe('the parameters of the handshake', () => {
  it('are optional, and have no effect without the rooms plugin', async () => {
    verifies('protocol.connect.parameters-optional')
    const query = '?username=ada&roomID=42'
    const [plain, withRooms] = [await startApp(), await startApp({ plugins: [rooms()] })]
    expect((await connectBare(plain.url, query)).frames[0]?.user).toBeNull()
    expect([...plain.app.sessions][0]?.subscriptions).toEqual([])
    expect((await connectBare(withRooms.url)).frames[0]?.user).toBeNull()
    expect((await connectBare(withRooms.url, query)).frames[0]?.user).toEqual({ id: 'ada', name: 'ada' })
  })

  it.each<[string, string, string | undefined]>([
    ['username', 'x', undefined],
    ['username', 'x'.repeat(64), undefined],
    ['username', 'x'.repeat(65), 'invalid_handshake'],
    ['username', 'a\u0007b', 'invalid_handshake'],
    ['roomID', 'x', undefined],
    ['roomID', 'x'.repeat(64), undefined],
    ['roomID', 'x'.repeat(65), 'invalid_room'],
    ['roomID', 'a b', 'invalid_room'],
    ['roomID', 'a\u0007b', 'invalid_room'],
    ['roomID', 'a/b', 'invalid_room'],
    ['roomID', '*', 'invalid_room'],
    ['roomID', '$a', 'invalid_room'],
  ])('have limits: %s %j', async (name, value, code) => {
    verifies('protocol.connect.username', 'protocol.connect.room-id')
    const { url } = await startApp({ plugins: [rooms()] })
    const query = new URLSearchParams({ username: 'ada', [name]: value })
    const client = new BareClient(`${url}/api/v1/ws?${query}`)
    const { type, error } = await client.until((frame) => frame.type === 'welcome' || frame.type === 'close')
    expect([type, error?.code]).toEqual(code ? ['close', code] : ['welcome', undefined])
  })
})

describe('an HTTP answer that refuses a handshake', () => {
  it('is 403 for a page of another origin, 404 for an unknown path, and has a coded error as its body', async () => {
    verifies('protocol.connect.origin-403', 'protocol.connect.unknown-path-404', 'protocol.connect.http-body')
    const { url } = await startApp()
    const answers: [path: string, headers: Record<string, string>, status: number, code: string][] = [
      ['/api/v1/ws', { origin: 'https://evil.example' }, 403, 'origin_not_allowed'],
      ['/api/v2/ws', {}, 404, 'not_found'],
    ]
    for (const [path, headers, status, code] of answers) {
      const answer = await upgradeAnswer(url + path, headers)
      expect(answer.status).toBe(status)
      expect(JSON.parse(answer.body)).toMatchObject({ error: { code, message: expect.any(String) } })
    }
  })

  it('has `reconnectAfter` if it refuses the client as a `close` frame does', async () => {
    verifies('protocol.connect.http-reconnect')
    const { url } = await startApp({ plugins: [sse(), rooms()] })
    const evil = { origin: 'https://evil.example' }
    const { body } = await upgradeAnswer(`${url}/api/v1/ws`, evil)
    const error = { code: 'origin_not_allowed', message: expect.any(String) }
    expect(JSON.parse(body)).toEqual({ error, reconnectAfter: null })
    expect(JSON.parse((await upgradeAnswer(`${url}/api/v2/ws`)).body).reconnectAfter).toBe(undefined)
    expect(await (await fetch(`${url}/api/v1/sse`, { headers: evil })).json()).toEqual({
      error,
      reconnectAfter: null,
    })
    expect(await (await fetch(`${url}/api/v1/sse?roomID=a/b`)).json()).toEqual({
      error: { code: 'invalid_room', message: expect.any(String) },
      reconnectAfter: null,
    })
    expect(await (await fetch(`${url}/api/v1/sse/nobody`, { method: 'DELETE' })).json()).toEqual({
      error: { code: 'unknown_session', message: expect.any(String) },
    })
  })
})

describe('frames that a client sends before welcome', () => {
  it('are handled after the server has sent welcome', async () => {
    verifies('protocol.connect.frames-before-welcome')
    let open = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const { url } = await startApp({
      prepare: (app) => {
        app.sessions.onOpen(() => opened)
        app.handle('echo', (_ctx, payload) => payload)
      },
    })
    const client = new BareClient(`${url}/api/v1/ws`)
    await new Promise((resolve) => client.socket.once('open', resolve))
    for (const id of [1, 2]) client.send({ topic: 'echo', payload: id, id })
    // The server has read the frames once it answers a ping that follows them.
    client.socket.ping()
    open()
    await client.until(({ id }) => id === 2)
    expect(client.frames.map(({ type, id }) => id ?? type)).toEqual(['welcome', 1, 2])
  })
})
