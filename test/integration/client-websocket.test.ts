import { createClient } from 'rookery/client/websocket'
import { rooms } from 'rookery/rooms'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startApp } from '../support/app.ts'
import { FaultyProxy } from '../support/proxy.ts'

const start = async () => {
  const { app, url } = await startApp({
    plugins: [rooms()],
    prepare: (app) => {
      app.handle('echo', (_ctx, payload) => payload)
    },
  })
  const proxy = await FaultyProxy.listen(url)
  const client = createClient({ url: proxy.url, WebSocket, reconnect: { min: 5, max: 50 } })
  onTestFinished(() => client.close())
  return { app, proxy, client }
}

describe('a client of rookery/client/websocket', () => {
  it('calls, and restores its subscriptions and rooms after a lost connection', async () => {
    const { app, proxy, client } = await start()
    const room = client.join('42')
    const heard: unknown[] = []
    client.subscribe('news', (payload) => heard.push(payload))
    await room.ready
    const { session } = client
    proxy.cut()
    await vi.waitFor(() => expect([client.state, client.session === session]).toEqual(['open', false]))
    expect(await client.call('echo', 1)).toBe(1)
    expect(room.state).toBe('joined')
    await app.publish('news', 'hello')
    await vi.waitFor(() => expect(heard).toEqual(['hello']))
    expect(client.transport).toBe('websocket')
  })

  it('tries WebSocket again if the network blocks it', async () => {
    const { proxy, client } = await start()
    await client.ready()
    proxy.become({ upgrades: 403 })
    proxy.cut()
    await vi.waitFor(() => expect(client.state).toBe('waiting'))
    const { length } = proxy.requests
    await vi.waitFor(() => expect(proxy.requests.length).toBeGreaterThan(length + 2))
    proxy.heal()
    await vi.waitFor(() => expect(client.state).toBe('open'))
  })

  it.each(['transports', 'upgrade'])('has no option %s', (name) => {
    const options = { url: 'http://localhost', autoConnect: false, [name]: {} }
    expect(() => createClient(options)).toThrow(`There is no option '${name}'`)
  })
})
