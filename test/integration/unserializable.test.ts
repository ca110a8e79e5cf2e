import { createClient, sse, websocket } from 'rookery/client'
import { socketio } from 'rookery/client/socketio'
import { MemoryCluster } from 'rookery/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { ask, startThree, TRANSPORTS, until, welcomeBy } from '../support/three-transports.ts'

const PAYLOADS: Readonly<Record<string, () => unknown>> = {
  'payload.tags is a Map': () => ({ tags: new Map([['a', 1]]) }),
  'payload[1] is a Set': () => [0, new Set([1])],
  'payload.bytes is a Uint8Array': () => ({ bytes: new Uint8Array(2) }),
  'payload is an ArrayBuffer': () => new ArrayBuffer(2),
  'payload is an AsyncGenerator': () => (async function* () {})(),
  'payload is a Response': () => new Response('text'),
  'payload is a function': () => () => 1,
}

const names = Object.keys(PAYLOADS)
const refused = (message: string) =>
  expect.objectContaining({ code: 'unserializable', message: expect.stringContaining(message) })

describe.each(TRANSPORTS)('over %s, the server refuses a payload that JSON would destroy', (transport) => {
  it.each(names)('in publish, send and a reply: %s', async (message) => {
    verifies('delivery.published.unserializable')
    const { app, url, lines } = await startThree()
    const payload = PAYLOADS[message]!
    app.handle('reply', () => payload())
    const peer = await welcomeBy(transport, url, { username: 'ada' })
    await ask(peer, { type: 'subscribe', topics: ['*'] })
    await expect(app.publish('news', payload())).rejects.toEqual(refused(message))
    await expect(app.send({ user: 'ada' }, 'news', payload())).rejects.toEqual(refused(message))
    const [session] = app.sessions
    expect(() => session!.send('news', payload())).toThrow(refused(message))
    expect(await ask(peer, { topic: 'reply' })).toBe('internal')
    expect(lines.find(({ stage }) => stage === 'handler')).toMatchObject({
      topic: 'reply',
      err: refused(message),
    })
    await app.publish('news', 'fine')
    await until(peer, (frame) => frame.type === undefined)
    expect(peer.frames.filter(({ type }) => type === undefined)).toMatchObject([
      { topic: 'news', payload: 'fine' },
    ])
  })
})

const clientTransports = { websocket: () => websocket({ WebSocket }), sse, socketio }

describe.each(Object.keys(clientTransports))('a client over %s refuses a payload', (transport) => {
  it.each(names)('that JSON would destroy, in send and call: %s', async (message) => {
    const { url } = await startThree()
    const create = clientTransports[transport as keyof typeof clientTransports]
    const client = createClient({ url, transports: [create()] })
    onTestFinished(() => client.close())
    expect(() => client.send('echo', PAYLOADS[message]!())).toThrow(refused(message))
    await expect(client.call('echo', PAYLOADS[message]!())).rejects.toEqual(refused(message))
    expect(await client.call('echo', { at: new Date(0) })).toEqual({ at: '1970-01-01T00:00:00.000Z' })
  })
})

it('an event that JSON would destroy reaches the listeners of its own node only, and this is logged', async () => {
  const cluster = new MemoryCluster()
  const [here, there] = [
    await startApp({ plugins: [cluster.plugin()] }),
    await startApp({ plugins: [cluster.plugin()] }),
  ]
  const heard: unknown[] = []
  for (const { app } of [here, there])
    app.bus.subscribe('jobs', ({ payload }) => void heard.push(payload), { source: 'all' })
  const map = new Map([[1, 2]])
  here.app.bus.publish('jobs', map)
  here.app.bus.publish('jobs', 'fine')
  await vi.waitFor(() => expect(heard.length).toBe(3))
  expect(heard).toEqual([map, 'fine', 'fine'])
  expect(here.lines.find(({ stage }) => stage === 'cluster')).toMatchObject({
    level: 'error',
    err: { code: 'unserializable' },
  })
})
