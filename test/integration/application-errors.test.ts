import { RookeryError, type ServerFrame } from 'rookery'
import { createClient, sse, websocket } from 'rookery/client'
import { socketio } from 'rookery/client/socketio'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { verifies } from '../requirements.ts'
import { ask, connectBy, startThree, TRANSPORTS, until, welcomeBy } from '../support/three-transports.ts'

const isReply = ({ type }: ServerFrame) => type === 'reply'

const UNWRITABLE: Readonly<Record<string, unknown>> = {
  'a bigint': { n: 1n },
  'a map': new Map(),
  'a function': () => 1,
  'a getter that throws': Object.defineProperty({}, 'a', {
    enumerable: true,
    get: () => {
      throw new Error('a getter that throws')
    },
  }),
}

describe.each(TRANSPORTS)('over %s, an error of a handler', (transport) => {
  it('has code, message, data and retryable', async () => {
    verifies('protocol.errors.data', 'protocol.errors.retryable')
    const { app, url } = await startThree()
    const data = { waitMs: 250 }
    app.handle('fail', () => {
      throw new RookeryError('too_fast', 'Wait', { data, retryable: true })
    })
    const peer = await welcomeBy(transport, url)
    void peer.send({ topic: 'fail', id: 1 })
    const reply = await until(peer, isReply)
    expect(reply).toMatchObject({ error: { code: 'too_fast', message: 'Wait', data, retryable: true } })
    void peer.send({ topic: 'fail' })
    const error = await until(peer, ({ type }) => type === 'error')
    expect(error).toMatchObject({ error: { code: 'too_fast', message: 'Wait', data, retryable: true } })
  })

  it.each(Object.keys(UNWRITABLE))('keeps its code and message if its data is %s', async (what) => {
    const { app, url, lines } = await startThree()
    app.handle('fail', () => {
      throw new RookeryError('sold_out', 'No tickets left', { data: UNWRITABLE[what] })
    })
    const peer = await welcomeBy(transport, url)
    void peer.send({ topic: 'fail', id: 1 })
    expect(await until(peer, isReply)).toMatchObject({
      error: { code: 'sold_out', message: 'No tickets left' },
    })
    const line = lines.find(({ msg }) => msg?.startsWith('the data of an error'))
    expect(line).toMatchObject({ level: 'error', topic: 'fail', err: { code: 'sold_out' } })
    expect(await ask(peer, { topic: 'echo', payload: 1 })).toBe(1)
  })
})

// Socket.IO: a client that gets an error in its handshake stays away, so the server only closes the connection.
it.each(['websocket', 'sse'])('over %s, a refused handshake says when to come back', async (transport) => {
  const { app, url } = await startThree()
  app.sessions.onAuthenticate(() => {
    throw new RookeryError('maintenance', undefined, { data: { minutes: 2 }, reconnectAfter: 7000 })
  })
  const peer = await connectBy(transport, url)
  expect(await until(peer, ({ type }) => type === 'close')).toMatchObject({
    error: { code: 'maintenance', data: { minutes: 2 }, retryable: true },
    reconnectAfter: 7000,
  })
})

const clientTransports = { websocket: () => websocket({ WebSocket }), sse, socketio }

const clientOf = (url: string, transport: string) => {
  const create = clientTransports[transport as keyof typeof clientTransports]
  const client = createClient({ url, transports: [create()], reconnect: { min: 5, max: 50 } })
  onTestFinished(() => client.close())
  return client
}

describe.each(Object.keys(clientTransports))('a client over %s', (transport) => {
  it('gets data and retryable with the error of a call', async () => {
    const { app, url } = await startThree()
    app.handle('fail', () => {
      throw new RookeryError('too_fast', 'Wait', { data: { waitMs: 250 }, retryable: true })
    })
    app.handle('busy', () => {
      throw new RookeryError('rate_limited', undefined, { retryable: false })
    })
    const client = clientOf(url, transport)
    await expect(client.call('fail')).rejects.toMatchObject({ data: { waitMs: 250 }, retryable: true })
    await expect(client.call('busy')).rejects.toMatchObject({ code: 'rate_limited', retryable: false })
  })

  it('comes back after the time that an error of the application names', async () => {
    const { app, url } = await startThree()
    const client = clientOf(url, transport)
    await client.call('echo')
    const closed = vi.fn()
    client.on('close', closed)
    for (const session of app.sessions) {
      session.close(new RookeryError('maintenance', 'Back soon', { reconnectAfter: 20 }))
    }
    await vi.waitFor(() => expect(closed).toHaveBeenCalled())
    expect(closed.mock.calls[0]![0]).toMatchObject({ error: { code: 'maintenance' }, willReconnect: true })
    expect(await client.call('echo', 'again')).toBe('again')
  })

  it('stays away after an error of the application that is not retryable', async () => {
    const { app, url } = await startThree()
    const client = clientOf(url, transport)
    await client.call('echo')
    const closed = vi.fn()
    client.on('close', closed)
    await app.sessions.disconnect({ session: client.session! }, new RookeryError('banned'))
    await vi.waitFor(() => expect(closed).toHaveBeenCalled())
    expect(closed.mock.calls[0]![0]).toMatchObject({ error: { code: 'banned' }, willReconnect: false })
  })
})
