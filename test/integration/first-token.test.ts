import { type App, type Handshake, RookeryError } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp, type TestAppOptions } from '../support/app.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'
import { RawWebSocket } from '../support/raw-websocket.ts'

/** Uses the token of the first frame as the user's name. */
const byFirstToken = (app: App) => {
  app.sessions.onAuthenticate(async ({ firstToken }) => {
    const token = (await firstToken?.()) ?? ''
    if (token === 'wrong') throw new RookeryError('invalid_token')
    return { id: token, name: token }
  })
  app.sessions.onToken((session, token) => session.renew({ id: token, name: token.toUpperCase() }))
  app.handle('echo', (_ctx, payload) => payload)
}

const start = (options: TestAppOptions = {}) => startApp({ prepare: byFirstToken, ...options })

const connect = async (url: string, first: unknown): Promise<BareClient> => {
  const client = new BareClient(`${url}/api/v1/ws`)
  await new Promise((resolve) => client.socket.once('open', resolve))
  client.send(first)
  return client
}

/** Encodes a text frame of a client, with a mask of zeros. */
const frameOf = (text: string): Buffer => {
  const payload = Buffer.from(text)
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload])
}

describe('a WebSocket whose first frame has the token', () => {
  it('gets the welcome as its only answer', async () => {
    const { url } = await start()
    verifies('protocol.first-token.welcome')
    const client = await connect(url, { type: 'auth', token: 'ada' })
    const welcome = await client.until(({ type }) => type === 'welcome')
    expect(welcome.user).toEqual({ id: 'ada', name: 'ada' })
    expect((await client.ask({ topic: 'echo', payload: 1 })).payload).toBe(1)
    expect(client.frames.map(({ type }) => type)).toEqual(['welcome', 'reply'])
  })

  it('gets a reply after the welcome if the frame has an id', async () => {
    const { url } = await start()
    verifies('protocol.first-token.reply')
    const client = await connect(url, { type: 'auth', token: 'ada', id: 7 })
    await client.until(({ type }) => type === 'reply')
    expect(client.frames.map(({ type }) => type)).toEqual(['welcome', 'reply'])
    expect(client.frames[1]).toEqual({ type: 'reply', id: 7, payload: {} })
  })

  it('may send a new token later', async () => {
    const { url, app } = await start()
    const client = await connect(url, { type: 'auth', token: 'ada' })
    await client.until(({ type }) => type === 'welcome')
    expect((await client.ask({ type: 'auth', token: 'ada' })).error).toBeUndefined()
    expect([...app.sessions][0]?.user).toEqual({ id: 'ada', name: 'ADA' })
    expect((await client.ask({ type: 'auth', token: 'bob' })).error.code).toBe('forbidden')
  })

  it('has its later frames handled in order, whether they arrive with the token or after it', async () => {
    const { url } = await start({
      prepare: (app) => {
        byFirstToken(app)
        // A slow hook, so that the later frames arrive before the session is open. The test does not wait for it.
        app.sessions.onOpen(() => new Promise((resolve) => setTimeout(resolve, 50)))
      },
    })
    const client = await connect(url, { type: 'auth', token: 'ada', id: 0 })
    for (let id = 1; id <= 50; id++) client.send({ topic: 'echo', payload: id, id })
    await client.until(({ id }) => id === 50)
    const replies = client.frames.filter(({ type }) => type === 'reply')
    expect(replies.map(({ id }) => id)).toEqual(Array.from({ length: 51 }, (_, id) => id))
    // Writes to the TCP socket of `ws`, so that all frames leave in one chunk.
    const raw = new BareClient(`${url}/api/v1/ws`)
    await new Promise((resolve) => raw.socket.once('open', resolve))
    const socket = (raw.socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket
    const texts = [
      { type: 'auth', token: 'bob' },
      ...[1, 2, 3].map((id) => ({ topic: 'echo', payload: id, id })),
    ]
    socket.write(Buffer.concat(texts.map((frame) => frameOf(JSON.stringify(frame)))))
    await raw.until(({ id }) => id === 3)
    expect(raw.frames.map(({ type, id }) => id ?? type)).toEqual(['welcome', 1, 2, 3])
  })

  it.each<[string, unknown, string, number]>([
    ['another frame', { topic: 'echo', id: 1 }, 'unauthenticated', 4401],
    ['a pong', { type: 'pong' }, 'unauthenticated', 4401],
    ['not JSON', 'hello', 'bad_frame', 4400],
    ['without a token', { type: 'auth' }, 'bad_frame', 4400],
    ['with a token that is not a string', { type: 'auth', token: { __proto__: 1 } }, 'bad_frame', 4400],
    ['with a wrong token', { type: 'auth', token: 'wrong' }, 'invalid_token', 4401],
    ['deeply nested', `${'['.repeat(10_000)}`, 'bad_frame', 4400],
    ['binary', Buffer.from('{"type":"auth","token":"ada"}'), 'binary_not_supported', 1003],
    ['too large', { type: 'auth', token: 'x'.repeat(70_000) }, 'payload_too_large', 1009],
  ])('is refused with a code if the first frame is %s', async (_what, first, code, closeCode) => {
    const { url, app } = await start()
    verifies('protocol.first-token.unauthenticated')
    const client = await connect(url, first)
    expect(await client.untilClosed()).toEqual({ code: closeCode, reason: code })
    expect(client.frames.map(({ type, error }) => [type, error.code])).toEqual([['close', code]])
    await vi.waitFor(() => expect(app.usage.sessions).toBe(0))
    expect(app.refusals).toEqual({ [code]: 1 })
  })

  it('gets the error of an invalid frame that arrives with the token', async () => {
    const { url } = await start()
    const token = frameOf('{"type":"auth","token":"ada"}')
    const broken = await RawWebSocket.open(url)
    broken.bytes(Buffer.concat([token, Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28])]))
    expect(await broken.closed()).toMatchObject({ code: 1007, reason: 'bad_encoding' })
    const binary = await RawWebSocket.open(url)
    binary.bytes(
      Buffer.concat([token, Buffer.from([0x82, 0x81, 0, 0, 0, 0, 1]), frameOf('{"topic":"echo","id":1}')]),
    )
    expect(await binary.closed()).toMatchObject({ code: 1003, reason: 'binary_not_supported' })
    expect(binary.frames.some(({ type }) => type === 'reply')).toBe(false)
  })

  it('is refused if no frame arrives in time, and frees its handshake slot when it leaves', async () => {
    const { url, app } = await start({ handshakeTimeout: 300, limits: { maxHandshakes: 1 } })
    verifies('protocol.first-token.handshake-timeout')
    const silent = new BareClient(`${url}/api/v1/ws`)
    expect(await silent.untilClosed()).toEqual({ code: 4408, reason: 'handshake_timeout' })
    const gone = new BareClient(`${url}/api/v1/ws`)
    await new Promise((resolve) => gone.socket.once('open', resolve))
    gone.socket.terminate()
    await vi.waitFor(() => expect(app.refusals).toEqual({ handshake_timeout: 1, disconnected: 1 }))
    const client = await connect(url, { type: 'auth', token: 'ada' })
    await client.until(({ type }) => type === 'welcome')
  })

  it('that has been silent for a second gives its handshake slot to a new connection', async () => {
    const { url, app } = await start({ limits: { maxHandshakes: 5 } })
    const silent = Array.from({ length: 5 }, () => new BareClient(`${url}/api/v1/ws`))
    for (const { socket } of silent) await new Promise((resolve) => socket.once('open', resolve))
    const early = await connect(url, { type: 'auth', token: 'ada' })
    expect((await early.untilClosed()).reason).toBe('too_many_connections')
    const client = await vi.waitFor(
      async () => {
        const next = await connect(url, { type: 'auth', token: 'ada' })
        await vi.waitFor(() => expect(next.frames).not.toHaveLength(0), { interval: 5 })
        expect(next.frames[0]?.type).toBe('welcome')
        return next
      },
      { interval: 100 },
    )
    expect((await client.ask({ topic: 'echo', payload: 1 })).payload).toBe(1)
    expect(silent.filter(({ closed }) => closed).map(({ closed }) => closed?.reason)).toEqual([
      'too_many_connections',
    ])
    expect(app.sessions.size).toBe(1)
  })
})

describe('the token of the first frame', () => {
  it('is the same for every hook, and not available when the handshake is over', async () => {
    const asked: Promise<string>[] = []
    let late: Handshake['firstToken']
    const { url, app } = await start({
      prepare: (app) => {
        app.sessions.onAuthenticate(async ({ firstToken }) => {
          if (firstToken) asked.push(firstToken(), firstToken())
          await asked[0]
          return undefined
        })
        byFirstToken(app)
        app.sessions.onOpen((_session, { firstToken }) => {
          late = firstToken
        })
      },
    })
    const client = await connect(url, { type: 'auth', token: 'ada' })
    await client.until(({ type }) => type === 'welcome')
    expect(await Promise.all(asked)).toEqual(['ada', 'ada'])
    await expect(late?.()).rejects.toMatchObject({ code: 'unauthenticated' })
    expect((await client.ask({ topic: 'echo', payload: 1 })).payload).toBe(1)
    expect(app.sessions.size).toBe(1)
  })

  it('is handled as an ordinary auth frame if no hook asks for it', async () => {
    const { url } = await startApp()
    verifies('protocol.first-token.like-any-other', 'protocol.client-frame.auth-forbidden')
    const client = await connectBare(url)
    expect((await client.ask({ type: 'auth', token: 'ada' })).error.code).toBe('forbidden')
  })
})
