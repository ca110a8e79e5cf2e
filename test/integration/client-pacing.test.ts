import type { App } from 'rookery'
import { createClient, websocket } from 'rookery/client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { verifies } from '../requirements.ts'
import { clientBy } from '../support/client-transports.ts'
import { startThree, TRANSPORTS, welcomeBy } from '../support/three-transports.ts'

const start = async (limits: object) => {
  const handled: unknown[] = []
  const { app, url } = await startThree({
    limits,
    prepare: (app: App) => void app.handle('note', (_ctx, payload) => void handled.push(payload)),
  })
  return { app, url, handled }
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index)

describe.each(TRANSPORTS)('the server’s rates, over %s,', (transport) => {
  it('are in welcome', async () => {
    verifies('protocol.server-frame.rates')
    const rates = { messageRate: 70, messageBurst: 80, byteRate: 90_000, byteBurst: 100_000 }
    const { url } = await start(rates)
    const peer = await welcomeBy(transport, url)
    expect(peer.frames[0]).toMatchObject({ type: 'welcome', ...rates })
  })

  it('lose no message of a queue that is far longer than the burst', async () => {
    verifies('delivery.client.rates')
    const { url, handled } = await start({ messageRate: 300, messageBurst: 600 })
    const client = clientBy(transport, url, { maxQueue: 1000, autoConnect: false })
    const errors: unknown[] = []
    client.on('error', (error) => errors.push(error))
    for (const number of range(999)) client.send('note', number)
    const last = client.call('echo', 'last', { timeout: 60_000 })
    client.connect()
    expect(await last).toBe('last')
    expect([handled, errors]).toEqual([range(999), []])
  })

  it('of bytes lose no message either', async () => {
    const { url, handled } = await start({ byteRate: 200_000, byteBurst: 66_000 })
    const client = clientBy(transport, url, { maxQueue: 1000, autoConnect: false })
    const errors: unknown[] = []
    client.on('error', (error) => errors.push(error))
    const texts = range(20).map((number) => `${number}${'ä'.repeat(5_000)}`)
    for (const text of texts) client.send('note', text)
    client.connect()
    await vi.waitFor(() => expect(handled).toHaveLength(20), { timeout: 60_000 })
    expect([handled, errors]).toEqual([texts, []])
  })

  it('are kept by subscriptions, whose frames also fit into maxPayload', async () => {
    const { app, url } = await start({
      ...{ messageRate: 100, messageBurst: 20, maxPayload: 512, maxSubscriptions: 1_000 },
    })
    const client = clientBy(transport, url)
    const errors: unknown[] = []
    client.on('error', (error) => errors.push(error))
    const patterns = range(300).map((number) => `${'long-name'.repeat(4)}/${number}`)
    const subs = patterns.map((pattern) => client.subscribe(pattern, () => {}))
    await Promise.all(subs.map(({ ready }) => ready))
    expect(new Set([...app.sessions][0]?.subscriptions)).toEqual(new Set(patterns))
    const tooLong = client.subscribe('x'.repeat(250) + '/"'.repeat(2), () => {})
    await tooLong.ready
    expect([client.session, errors]).toEqual([[...app.sessions][0]?.id, []])
  })

  it('fill the queue of a client that sends faster: then it refuses messages and drops volatile ones', async () => {
    // So slow that no further message fits in while the test continues.
    const { url, handled } = await start({ messageRate: 10, messageBurst: 20 })
    const client = clientBy(transport, url, { maxQueue: 10 })
    await client.ready()
    let sent = 0
    const sendAll = () => {
      for (;;) client.send('note', sent++)
    }
    expect(sendAll).toThrow(expect.objectContaining({ code: 'queue_full' }))
    client.send('note', 'volatile', { volatile: true })
    const call = client.call('echo')
    await expect(call).rejects.toMatchObject({ code: 'queue_full' })
    await vi.waitFor(() => expect(handled).toHaveLength(sent - 1))
    expect(handled).toEqual(range(sent - 1))
    expect(await client.call('echo', 'again')).toBe('again')
  })
})

it('a call that waits for the server’s rate times out, and is not sent then', async () => {
  const { url, handled } = await start({ messageRate: 1, messageBurst: 2 })
  const client = createClient({ url, transports: [websocket({ WebSocket })] })
  onTestFinished(() => client.close())
  await client.ready()
  client.send('note', 1)
  client.send('note', 2)
  await expect(client.call('note', 'late', { timeout: 50 })).rejects.toMatchObject({ code: 'call_timeout' })
  await vi.waitFor(() => expect(handled).toEqual([1, 2]), { timeout: 20_000 })
  await client.call('echo')
  expect(handled).toEqual([1, 2])
})
