import { type App, RookeryError } from 'rookery'
import { rooms } from 'rookery/rooms'
import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { clientBy, recordWarnings } from '../support/client-transports.ts'
import { startThree, TRANSPORTS } from '../support/three-transports.ts'

const busy = new RookeryError('busy', 'Come back later', { retryable: true, data: { until: 7 } })

/** Refuses the patterns of `secret` for good, and a pattern of `shaky` as often as told. */
const start = async (failures = 0) => {
  const asked: string[] = []
  const prepare = (app: App) =>
    void app.sessions.addAuthorizer({
      authorize: () => true,
      authorizePattern: (_session, pattern) => {
        asked.push(pattern)
        if (pattern.startsWith('busy') && failures-- > 0) throw busy
        if (pattern.startsWith('shaky') && failures-- > 0) throw new Error('the database is away')
        return !pattern.startsWith('secret')
      },
    })
  return { ...(await startThree({ plugins: [rooms()], prepare })), asked }
}

const params = { username: 'ada', roomID: '42' }

describe.each(TRANSPORTS)('a subscription of the client, over %s,', (transport) => {
  it('that is local asks nothing of the server, and gets what is addressed to the user or the room', async () => {
    verifies('delivery.addressed.local')
    const { app, url, asked } = await start()
    const client = clientBy(transport, url, { params })
    const heard: unknown[] = []
    const inbox = client.subscribe('secret/*', (payload) => heard.push(payload), { local: true })
    const room = client.subscribe('rooms/42/news', (payload) => heard.push(payload), { local: true })
    expect([inbox.state, room.state]).toEqual(['active', 'active'])
    await inbox.ready
    await client.ready()
    await app.send({ user: 'ada' }, 'secret/new', 1)
    await app.publish('secret/other', 'not addressed')
    await app.publish('rooms/42/news', 2)
    await vi.waitFor(() => expect(heard).toEqual([1, 2]))
    expect([asked, [...app.sessions][0]?.subscriptions]).toEqual([[], ['rooms/42/*']])
    inbox.cancel()
    await app.send({ user: 'ada' }, 'secret/new', 3)
    await app.publish('rooms/42/news', 4)
    await vi.waitFor(() => expect(heard).toEqual([1, 2, 4]))
  })

  it('that is refused still gets what is addressed to the client, also after a reconnect, until cancel()', async () => {
    verifies('delivery.addressed.refused')
    const { app, url, asked } = await start()
    const client = clientBy(transport, url, { params })
    const heard: unknown[] = []
    const sub = client.subscribe('secret/*', (payload) => heard.push(payload))
    await expect(sub.ready).rejects.toMatchObject({ code: 'forbidden' })
    await app.send({ user: 'ada' }, 'secret/new', 1)
    await vi.waitFor(() => expect(heard).toEqual([1]))
    const closed = new Promise((resolve) => client.on('close', resolve))
    await app.sessions.disconnect({ user: 'ada' }, new RookeryError('shutting_down'))
    await closed
    client.connect()
    await vi.waitFor(() => expect(client.state).toBe('open'))
    await app.send({ user: 'ada' }, 'secret/new', 2)
    await vi.waitFor(() => expect(heard).toEqual([1, 2]))
    expect([sub.state, asked]).toEqual(['failed', ['secret/*']])
    sub.cancel()
    await app.send({ user: 'ada' }, 'secret/new', 3)
    await client.call('echo')
    expect([heard, sub.state]).toEqual([[1, 2], 'cancelled'])
  })

  it('that is refused and not observed becomes an error event with the pattern and the code', async () => {
    const warnings = recordWarnings()
    const { url } = await start()
    const client = clientBy(transport, url, { params })
    const errors: RookeryError[] = []
    client.on('error', (error) => errors.push(error))
    client.subscribe('secret/a/*', () => {})
    const observed = client.subscribe('secret/b/*', () => {})
    await expect(observed.ready).rejects.toMatchObject({ code: 'forbidden' })
    client.subscribe('open', () => {})
    await vi.waitFor(() => expect(errors).toHaveLength(1))
    expect(errors[0]).toMatchObject({ code: 'forbidden', message: expect.stringContaining('"secret/a/*"') })
    await client.call('echo')
    expect([errors.length, warnings]).toEqual([1, []])
  })

  it('that is refused, without any listener, is a warning on the console, once for a client', async () => {
    const warnings = recordWarnings()
    const { url } = await start()
    const client = clientBy(transport, url, { params })
    const subs = ['secret/a/*', 'secret/b/*'].map((pattern) => client.subscribe(pattern, () => {}))
    await vi.waitFor(() => expect(subs.map(({ state }) => state)).toEqual(['failed', 'failed']))
    expect(warnings).toEqual([expect.stringMatching(/"secret\/a\/\*".*forbidden/)])
  })

  it('is asked for again when the server refuses it with a retryable error, the first time, too', async () => {
    const { app, url, asked } = await start(2)
    const client = clientBy(transport, url, { params })
    const errors: string[] = []
    client.on('error', ({ code, message }) => errors.push(`${code} ${message}`))
    const heard: unknown[] = []
    const sub = client.subscribe('shaky/*', (payload) => heard.push(payload))
    await vi.waitFor(() => expect(sub.state).toBe('active'))
    await app.publish('shaky/a', 1)
    await vi.waitFor(() => expect(heard).toEqual([1]))
    expect(asked).toEqual(['shaky/*', 'shaky/*', 'shaky/*'])
    expect(errors).toEqual([expect.stringMatching(/^internal .*"shaky\/\*"/)])
  })

  it('reports what the server says of the error, and asks again if the application calls it retryable', async () => {
    const { url } = await start(1)
    const client = clientBy(transport, url, { params })
    const errors: RookeryError[] = []
    client.on('error', (error) => errors.push(error))
    const sub = client.subscribe('busy/*', () => {})
    await vi.waitFor(() => expect(sub.state).toBe('active'))
    expect(errors.map(({ code, data, retryable }) => [code, data, retryable])).toEqual([
      ['busy', { until: 7 }, true],
    ])
  })
})
