import { RookeryError } from 'rookery'
import { type ClientOptions, createClient } from 'rookery/client'
import { defineContract } from 'rookery/contract'
import { rooms } from 'rookery/rooms'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { startApp } from '../support/app.ts'
import { clientBy, recordWarnings } from '../support/client-transports.ts'
import { startThree, TRANSPORTS } from '../support/three-transports.ts'

const time = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
})

const contract = defineContract({
  topics: { clock: time, 'users/:id': z.object({ n: z.number() }), 'users/:id/inbox': z.string() },
  calls: { now: { input: time, output: time }, echo: {} },
})

const NOON = '2026-01-01T12:00:00.000Z'

const validating = (url: string, options: Partial<ClientOptions> = {}) => {
  const client = createClient({ url, WebSocket, contract, ...options })
  onTestFinished(() => client.close())
  return client
}

describe.each(TRANSPORTS)('a client without a contract, over %s,', (transport) => {
  it('gives a listener what its pattern names, and the server one subscription for * and a name', async () => {
    const { app, url } = await startThree()
    const client = clientBy(transport, url)
    const heard: unknown[] = []
    await client.subscribe('users/:id', (payload, { params }) => heard.push(['id', params.id, payload])).ready
    await client.subscribe('users/*', (payload, { topic }) => heard.push([topic, payload])).ready
    expect([...app.sessions][0]?.subscriptions).toEqual(['users/*'])
    await app.publish('users/1/inbox', 1)
    await app.publish('users/2', 2)
    await vi.waitFor(() => expect(heard).toHaveLength(3))
    expect(heard).toEqual([
      ['users/1/inbox', 1],
      ['id', '2', 2],
      ['users/2', 2],
    ])
  })

  it('takes the names from the topic of an event that matches, also after a reconnect', async () => {
    const { app, url } = await startThree()
    const client = clientBy(transport, url)
    const heard: unknown[] = []
    const subscription = client.subscribe('users/:id', (_payload, { params, topic }) =>
      heard.push([params, topic]),
    )
    await subscription.ready
    ;[...app.sessions][0]?.close()
    client.connect()
    await vi.waitFor(() => {
      if (client.state === 'closed') client.connect()
      expect(app.sessions.size).toBe(1)
      expect(subscription.state).toBe('active')
    })
    await app.publish({ topics: ['all', 'users/1/inbox', 'users/7'], payload: 1 })
    await vi.waitFor(() => expect(heard).toEqual([[{ id: '7' }, 'all']]))
  })
})

describe('a room whose name begins with a colon', () => {
  it('gives its listeners no message of another room', async () => {
    const { app, url } = await startApp({ plugins: [rooms()] })
    const client = clientBy('websocket', url, { params: { username: 'ada' } })
    const heard: unknown[] = []
    const other = client.join('secrets')
    const room = client.join(':room')
    room.on('items/:item', (payload, { params }) => heard.push([payload, params]))
    await Promise.all([other.ready, room.ready])
    await app.send({ room: 'secrets' }, 'rooms/secrets/items/1', 'secret')
    await app.send({ room: ':room' }, 'rooms/:room/items/2', 'own')
    await vi.waitFor(() => expect(heard).toEqual([['own', { item: '2' }]]))
  })
})

describe('a client with a contract', () => {
  it('gets what the schemas return; the wire carries what they take', async () => {
    const { app, url } = await startApp({
      contract,
      prepare: (app) => app.handle('now', (_ctx, at) => (at as Date).toISOString()),
    })
    const client = validating(url)
    const bare = clientBy('websocket', url)
    const dates: unknown[] = []
    const texts: unknown[] = []
    await client.subscribe('clock', (date) => dates.push(date)).ready
    await bare.subscribe('clock', (text) => texts.push(text)).ready
    await app.publish('clock', NOON)
    await vi.waitFor(() => expect([dates, texts]).toEqual([[new Date(NOON)], [NOON]]))
    expect(await client.call('now', NOON)).toEqual(new Date(NOON))
    expect(await bare.call('now', NOON)).toBe(NOON)
  })

  it('drops a message that does not fit, with an error event, and rejects such a reply', async () => {
    const { app, url } = await startApp({ prepare: (app) => app.handle('now', () => 'noon') })
    const client = validating(url)
    const heard: unknown[] = []
    const errors: unknown[] = []
    client.on('error', ({ code }) => errors.push(code))
    await client.subscribe('users/:id', (payload) => heard.push(payload)).ready
    await app.publish('users/1', { n: 'x' })
    await app.publish('users/2', { n: 2 })
    await vi.waitFor(() => expect(heard).toEqual([{ n: 2 }]))
    expect(errors).toEqual(['invalid_payload'])
    await expect(client.call('now', NOON)).rejects.toMatchObject({ code: 'invalid_payload' })
  })

  it('warns of a message that does not fit if nobody listens to errors', async () => {
    const warnings = recordWarnings()
    const { app, url } = await startApp()
    const client = validating(url)
    await client.subscribe('users/:id', () => {}).ready
    for (const n of ['x', 'y']) await app.publish('users/1', { n })
    await vi.waitFor(() => expect(warnings).toHaveLength(1))
    expect(warnings[0]).toContain('invalid_payload')
  })

  it('warns once of a server with another contract, and goes on', async () => {
    const warnings = recordWarnings()
    const other = defineContract({ topics: { clock: z.string() } })
    const { app, url } = await startApp({ contract: other })
    const client = validating(url, { reconnect: { min: 5, max: 50 } })
    await client.ready()
    const { session } = client
    ;[...app.sessions][0]?.close(new RookeryError('disconnected', undefined, { reconnectAfter: 1 }))
    await vi.waitFor(() => expect(client.session).not.toBe(session))
    await client.ready()
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('another version of the contract')
  })

  it.each([
    ['the same contract', contract],
    ['no contract', undefined],
  ])('does not warn of a server with %s', async (_what, own) => {
    const warnings = recordWarnings()
    const { url } = await startApp({ contract: own })
    await validating(url).ready()
    expect(warnings).toEqual([])
  })

  it('is refused if it is not of defineContract', () => {
    expect(() => createClient({ url: 'http://localhost', contract: {}, autoConnect: false })).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringContaining('defineContract') }),
    )
  })
})
