import { type App, RookeryError } from 'rookery'
import type { Client, SubscribeOptions, Subscription } from 'rookery/client'
import { createClient, sse, websocket } from 'rookery/client'
import { sse as ssePlugin } from 'rookery/sse'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type HistoryOptions, history } from '../../plugins/history/index.ts'
import { startApp } from '../support/app.ts'
import { clientBy, untilOpen } from '../support/client-transports.ts'
import { FaultyProxy } from '../support/proxy.ts'

const start = async (options: Partial<HistoryOptions> = {}) => {
  const { app, url } = await startApp({ plugins: [ssePlugin(), history({ topics: ['kept/*'], ...options })] })
  const proxy = await FaultyProxy.listen(url)
  return { app, proxy, url }
}

/** Records the payloads and the events of a subscription. */
const listen = (client: Client, pattern = 'kept/*', options: SubscribeOptions = {}) => {
  const heard: unknown[] = []
  const replayed: unknown[] = []
  const events: string[] = []
  const sub: Subscription = client.subscribe(
    pattern,
    (payload, message) => {
      heard.push(payload)
      if (message.replayed) replayed.push(payload)
    },
    options,
  )
  sub.on('recovered', () => events.push('recovered'))
  sub.on('gap', ({ reason }) => events.push(reason))
  return { sub, heard, replayed, events }
}

const publish = async (app: App, from: number, to: number, topic = 'kept/a') => {
  for (let number = from; number <= to; number++) await app.publish(topic, number)
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

describe.each(['websocket', 'sse'])('a client over %s', (transport) => {
  it('gets what it missed after a reconnect, once and in order, without an option', async () => {
    const { app, proxy, url } = await start()
    const client = clientBy(transport, proxy.url)
    const one = listen(client)
    const two = listen(client, 'kept/a')
    await Promise.all([one.sub.ready, two.sub.ready])
    await publish(app, 1, 3)
    await vi.waitFor(() => expect(one.heard).toEqual([1, 2, 3]))
    for (const last of [6, 9]) {
      proxy.target = 'http://127.0.0.1:9'
      proxy.cut()
      // Over server-sent events, the session would survive the cut, and get the messages without a replay.
      for (const session of [...app.sessions]) session.close(new RookeryError('shutting_down'))
      await publish(app, last - 2, last)
      proxy.target = url
      await vi.waitFor(() => expect(one.heard).toEqual(range(1, last)), { timeout: 10_000 })
    }
    await publish(app, 10, 10)
    await vi.waitFor(() => expect([one.heard, two.heard]).toEqual([range(1, 10), range(1, 10)]))
    expect(one.replayed).toEqual(range(4, 9))
    expect(one.events).toEqual(['recovered', 'recovered'])
  })
})

describe('a subscription with since', () => {
  it('begins with the oldest message, the newest ones, or the ones of a time; each listener gets its own', async () => {
    const { app, proxy } = await start()
    await publish(app, 1, 5)
    const client = clientBy('websocket', proxy.url)
    const now = listen(client)
    await now.sub.ready
    const others = [
      listen(client, 'kept/*', { since: 'earliest' }),
      listen(client, 'kept/*', { since: { last: 2 } }),
      listen(client, 'kept/*', { since: { ago: '5m' } }),
      listen(client, 'kept/*', { since: 'now' }),
    ]
    await publish(app, 6, 6)
    await vi.waitFor(() =>
      expect(others.slice(0, 3).map(({ events }) => events)).toEqual(Array(3).fill(['recovered'])),
    )
    await publish(app, 7, 7)
    await vi.waitFor(() =>
      expect(others.map(({ heard }) => heard)).toEqual([range(1, 7), expect.anything(), range(1, 7), [6, 7]]),
    )
    expect(now.heard).toEqual([6, 7])
    expect(others[1]?.heard.at(-1)).toBe(7)
    expect(range(1, 7).slice(-(others[1]?.heard.length ?? 0))).toEqual(others[1]?.heard)
  })

  it('ends as a gap at a server that keeps nothing', async () => {
    const { app, url } = await startApp()
    const client = clientBy('websocket', url)
    const one = listen(client, 'kept/*', { since: 'earliest' })
    await vi.waitFor(() => expect(one.events).toEqual(['unavailable']))
    await publish(app, 1, 1)
    await vi.waitFor(() => expect(one.heard).toEqual([1]))
    expect(client.cursor).toBeNull()
  })
})

describe('listeners at different places', () => {
  it('each go on from their own place after a cut in the middle of a replay', async () => {
    const { app, proxy } = await start()
    await publish(app, 1, 2000)
    const client = clientBy('websocket', proxy.url)
    const live = listen(client)
    await live.sub.ready
    const behind = listen(client, 'kept/*', { since: 'earliest' })
    await vi.waitFor(() => expect(behind.heard.length).toBeGreaterThan(0), { interval: 1 })
    proxy.cut()
    await publish(app, 2001, 2010)
    await vi.waitFor(() => expect(behind.events).toEqual(['recovered']), { timeout: 10_000 })
    await publish(app, 2011, 2011)
    await vi.waitFor(() => expect(behind.heard.at(-1)).toBe(2011))
    expect(behind.heard).toEqual(range(1, 2011))
    await vi.waitFor(() => expect(live.heard).toEqual(range(2001, 2011)))
  })
})

describe('a change of the transport', () => {
  it('under load loses, doubles and reorders nothing, also for local listeners', async () => {
    const { app, proxy } = await start()
    proxy.become({ upgrades: 403 })
    const client = createClient({
      url: proxy.url,
      transports: [websocket({ WebSocket }), sse()],
      reconnect: { min: 5, max: 50 },
      upgrade: { min: 50, max: 200 },
    })
    onTestFinished(() => client.close())
    const one = listen(client)
    const earliest = listen(client, 'kept/a', { since: 'earliest' })
    const local = listen(client, 'kept/*', { local: true })
    await Promise.all([one.sub.ready, earliest.sub.ready])
    expect(client.transport).toBe('sse')
    let last = 0
    const load = setInterval(() => void app.publish('kept/a', ++last), 1)
    onTestFinished(() => clearInterval(load))
    await vi.waitFor(() => expect(one.heard.length).toBeGreaterThan(20))
    proxy.heal()
    await vi.waitFor(() => expect(client.transport).toBe('websocket'), { timeout: 10_000 })
    const goal = one.heard.length + 100
    await vi.waitFor(() => expect(one.heard.length).toBeGreaterThan(goal), { timeout: 10_000 })
    clearInterval(load)
    await vi.waitFor(() => {
      for (const { heard } of [one, earliest, local]) expect(heard.at(-1)).toBe(last)
    })
    expect(earliest.heard).toEqual(range(1, last))
    expect(one.heard).toEqual(range(one.heard[0] as number, last))
    expect(local.heard).toEqual(range(local.heard[0] as number, last))
    expect(one.events).not.toContain('unavailable')
  })
})

describe('a server that restarts without its messages', () => {
  it('is a gap: the state is loaded again, and messages wait for it', async () => {
    const { app: first, proxy } = await start()
    const client = clientBy('websocket', proxy.url)
    const log: unknown[] = []
    let release: (() => void) | undefined
    const state = vi.fn(async ({ signal }: { signal: AbortSignal }) => {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      if (!signal.aborted) log.push('state')
    })
    const sub = client.subscribe('kept/*', (payload) => log.push(payload), { state })
    sub.on('gap', ({ reason }) => log.push(reason))
    await vi.waitFor(() => expect(state).toHaveBeenCalledTimes(1))
    const before = client.cursor
    await publish(first, 1, 2)
    release?.()
    await vi.waitFor(() => expect(log).toEqual(['state', 1, 2]))
    await vi.waitFor(() => expect(client.cursor).not.toBe(before))
    const { app: second, url } = await start()
    proxy.target = url
    proxy.cut()
    await vi.waitFor(() => expect(state).toHaveBeenCalledTimes(2), { timeout: 10_000 })
    await publish(second, 3, 3)
    release?.()
    await vi.waitFor(() => expect(log.slice(3)).toEqual(['epoch', 'state', 3]))
  })
})

describe('the cursor of a client', () => {
  it('lets another client go on, by the option or by a storage', async () => {
    const { app, proxy } = await start()
    const kept = new Map<string, string>()
    const cursorStorage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    }
    const first = clientBy('websocket', proxy.url, { cursorStorage, cursorKey: 'mine' })
    const one = listen(first)
    await one.sub.ready
    await publish(app, 1, 2)
    await vi.waitFor(() => expect(one.heard).toEqual([1, 2]))
    const { cursor } = first
    first.close()
    expect([...kept]).toEqual([['mine', cursor]])
    await publish(app, 3, 4)
    const options = [{ cursor }, { cursorStorage, cursorKey: 'mine' }, { cursorStorage }]
    const later = options.map((option) => clientBy('websocket', proxy.url, option))
    const heard = later.map((client) => listen(client).heard)
    const fromNow = listen(later[0] as Client, 'kept/*', { since: 'now' })
    await Promise.all([...later.map(untilOpen), fromNow.sub.ready])
    await vi.waitFor(() => expect(heard).toEqual([[3, 4], [3, 4], []]))
    await publish(app, 5, 5)
    await vi.waitFor(() => expect(heard).toEqual([[3, 4, 5], [3, 4, 5], [5]]))
    expect(fromNow.heard).toEqual([5])
    expect(new Set(later.map((client) => client.cursor)).size).toBe(1)
  })
})
