import { type Client, type ClientOptions, createClient, sse, websocket } from 'rookery/client'
import { rooms } from 'rookery/rooms'
import { sse as ssePlugin } from 'rookery/sse'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startApp } from '../support/app.ts'
import { FaultyProxy, type ProxyFaults } from '../support/proxy.ts'
import { slowdown } from '../support/slowdown.ts'

/** An app behind a proxy. Its handler `note` keeps the payloads. */
const start = async (faults: ProxyFaults = {}) => {
  const noted: unknown[] = []
  const { app, url } = await startApp({
    plugins: [ssePlugin({ grace: '1s' }), rooms()],
    prepare: (app) => {
      app.handle('note', (_ctx, payload) => {
        noted.push(payload)
        return payload
      })
    },
  })
  const proxy = await FaultyProxy.listen(url, faults)
  return { app, url, proxy, noted }
}

const connect = (url: string, options: ClientOptions = {}): Client => {
  const client = createClient({
    url,
    transports: [websocket({ WebSocket }), sse()],
    reconnect: { min: 5, max: 50 },
    upgrade: { min: 50, max: 200 },
    ...options,
  })
  onTestFinished(() => client.close())
  return client
}

const untilOver = (client: Client, transport: string, timeout = 5_000) =>
  vi.waitFor(() => expect([client.state, client.transport]).toEqual(['open', transport]), { timeout })

const received = (client: Client, pattern: string) => {
  const heard: unknown[] = []
  const subscription = client.subscribe(pattern, (payload) => heard.push(payload))
  return { heard, ready: subscription.ready }
}

describe('behind a proxy', () => {
  it.each<[string, ProxyFaults, string]>([
    ['without faults', {}, 'websocket'],
    ['that refuses upgrades with 400', { upgrades: 400 }, 'sse'],
    ['that refuses upgrades with 403', { upgrades: 403 }, 'sse'],
    ['that refuses upgrades with 502', { upgrades: 502 }, 'sse'],
    ['that accepts upgrades and forwards nothing', { upgrades: 'swallow' }, 'sse'],
    ['that buffers responses', { responses: 'buffer' }, 'websocket'],
    ['that refuses upgrades and buffers responses', { upgrades: 403, responses: 'buffer' }, 'sse'],
    [
      'that forwards nothing of upgrades and buffers responses',
      { upgrades: 'swallow', responses: 'buffer' },
      'sse',
    ],
  ])('%s, everything works within 5 s', async (_what, faults, transport) => {
    const { app, proxy } = await start(faults)
    const begun = performance.now()
    const client = connect(proxy.url, { params: { username: 'ada', roomID: '42' } })
    const { heard, ready } = received(client, 'news')
    expect(await client.call('note', 1)).toBe(1)
    await ready
    await app.publish('news', 'hello')
    await vi.waitFor(() => expect(heard).toEqual(['hello']))
    expect(performance.now() - begun).toBeLessThan(5_000 * slowdown())
    expect([client.transport, client.user]).toEqual([transport, { id: 'ada', name: 'ada' }])
  })
})

describe('a WebSocket that is lost soon after welcome', () => {
  it('three times in a row leads to a transport that works', async () => {
    const { proxy } = await start({ cutAfter: 200 })
    const client = connect(proxy.url, { upgrade: { min: 60_000, max: 60_000 } })
    const opens: string[] = []
    client.on('open', ({ transport }) => opens.push(transport))
    await untilOver(client, 'sse')
    expect(opens).toEqual(['websocket', 'websocket', 'websocket', 'sse'])
    for (let number = 0; number < 50; number++) expect(await client.call('note', number)).toBe(number)
    expect(opens).toHaveLength(4)
  })
})

describe('a server that is down', () => {
  it('does not change the preferred transport: both are tried, and the client ends on the best one', async () => {
    const { url } = await start()
    const proxy = await FaultyProxy.listen('http://127.0.0.1:9', { upgrades: 502 })
    const client = connect(proxy.url)
    const tried = new Set<string | undefined>()
    client.on('state', (_state, { transport }) => tried.add(transport))
    const answer = client.call('note', 'early')
    await vi.waitFor(() => expect(proxy.requests.length).toBeGreaterThan(6))
    proxy.become({})
    proxy.target = url
    expect(await answer).toBe('early')
    await untilOver(client, 'websocket')
    expect([...tried]).toEqual(expect.arrayContaining(['websocket', 'sse']))
  })
})

describe('a proxy that works again', () => {
  it.each<[string, ProxyFaults]>([
    ['refused upgrades', { upgrades: 403 }],
    ['forwarded nothing after an upgrade', { upgrades: 'swallow' }],
    ['refused upgrades and buffered responses', { upgrades: 502, responses: 'buffer' }],
  ])(
    'after it %s lets the client return to WebSocket: messages in both directions arrive once and in order',
    async (_what, faults) => {
      const { app, proxy, noted } = await start(faults)
      const client = connect(proxy.url, { connectTimeout: 500 })
      const { heard, ready } = received(client, 'count')
      await ready
      expect(client.transport).toBe('sse')
      const answers: Promise<unknown>[] = []
      let last = 0
      const busy = setInterval(() => {
        last += 2
        answers.push(client.call('note', last - 1))
        client.send('note', last)
        void app.publish('count', last)
      }, 5)
      onTestFinished(() => clearInterval(busy))
      await vi.waitFor(() => expect(heard.length).toBeGreaterThan(20))
      proxy.heal()
      await untilOver(client, 'websocket', 15_000)
      const then = last
      await vi.waitFor(() => expect(last).toBeGreaterThan(then + 40))
      clearInterval(busy)
      await vi.waitFor(() => expect([noted.length, heard.length]).toEqual([last, last / 2]))
      expect(noted).toEqual(Array.from({ length: last }, (_, index) => index + 1))
      expect(heard).toEqual(Array.from({ length: last / 2 }, (_, index) => (index + 1) * 2))
      await Promise.all(answers)
      await vi.waitFor(() =>
        expect([...app.sessions].map(({ transport }) => transport)).toEqual(['websocket']),
      )
    },
  )
})
