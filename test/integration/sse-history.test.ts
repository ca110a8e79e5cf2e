import { spawn } from 'node:child_process'
import { EventSource } from 'eventsource'
import { history } from 'rookery/history'
import { rooms } from 'rookery/rooms'
import { sse } from 'rookery/sse'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startApp, type TestAppOptions } from '../support/app.ts'
import type { Received } from '../support/bare-client.ts'
import { SseReader } from '../support/sse-reader.ts'

const CURSOR = expect.stringMatching(/^[\w-]{22}$/)

const start = (
  options: Omit<TestAppOptions, 'plugins'> = {},
  kept: Partial<Parameters<typeof history>[0]> = {},
) =>
  startApp({
    ...options,
    plugins: [sse(), rooms(), history({ topics: ['news/*', 'rooms/:room/messages'], ...kept })],
  })

/** Opens a stream and waits for the end of the replay. */
const replay = async (url: string, query: string, headers?: Record<string, string>) => {
  const reader = await SseReader.open(`${url}/api/v1/sse?${query}`, headers)
  const end = await reader.until(({ type }) => type === 'replayed')
  return { reader, end, payloads: reader.frames.flatMap(({ topic, payload }) => (topic ? [payload] : [])) }
}

/** Runs curl. Its process ends with the test. */
const curl = (...parameters: readonly string[]) => {
  const child = spawn('curl', ['-sN', ...parameters])
  onTestFinished(() => void child.kill())
  const output = { text: '' }
  child.stdout.on('data', (data) => {
    output.text += String(data)
  })
  return output
}

describe('a stream of an app with history', () => {
  it('has the position of each frame as the id of its event', async () => {
    const { url, app } = await start()
    const stream = curl(`${url}/api/v1/sse?topic=*&topic=news/*`)
    await vi.waitFor(() => expect(stream.text).toContain('"type":"welcome"'))
    await app.publish('news/a', 1)
    await app.publish('other', 2)
    await vi.waitFor(() => expect(stream.text).toContain('"other"'))
    const [hello, welcome, kept, other] = stream.text.split('\n\n')
    const { cursor } = JSON.parse(/data: (.*)/.exec(welcome!)![1]!)
    expect(cursor).toEqual(CURSOR)
    expect(hello).toBe(': hello')
    expect(welcome).toMatch(new RegExp(`^event: control\nid: ${cursor}\ndata: `))
    expect(kept).toMatch(/^id: ([\w-]{22})\ndata: \{"topic":"news\/a","payload":1,"cursor":"\1"\}$/)
    expect(other).toBe('data: {"topic":"other","payload":2}')
  })

  it('sends pings with the position to a client that cannot answer, and never closes it for that', async () => {
    const { url, app } = await start({ pingInterval: 20, pingTimeout: 20 })
    const stream = curl(`${url}/api/v1/sse?topic=other`)
    await vi.waitFor(() => expect(stream.text.match(/"ping"/g)?.length).toBeGreaterThan(5))
    const ids = () =>
      new Set([...stream.text.matchAll(/^id: (.*)\ndata: \{"type":"ping"/gm)].map(([, id]) => id))
    expect(ids().size).toBe(1)
    await app.publish('news/a', 1)
    await vi.waitFor(() => expect(ids().size).toBe(2))
    expect(app.sessions.size).toBe(1)
  })

  it.each([
    ['since=earliest', [1, 2, 3, 4]],
    ['last=2', [3, 4]],
    ['last=0', []],
    ['ago=60000', [1, 2, 3, 4]],
    ['ago=9007199254740991', [1, 2, 3, 4]],
    ['last=9007199254740991', [1, 2, 3, 4]],
  ])('begins with %s', async (query, expected) => {
    const { url, app } = await start()
    for (const payload of [1, 2, 3, 4]) await app.publish('news/a', payload)
    const { reader, end, payloads } = await replay(url, `topic=news/*&${query}`)
    expect(payloads).toEqual(expected)
    expect(end).toEqual({ type: 'replayed', recovered: true, cursor: CURSOR })
    await app.publish('news/a', 5)
    expect(await reader.until(({ payload }) => payload === 5)).toEqual({
      topic: 'news/a',
      payload: 5,
      cursor: CURSOR,
    })
    const [welcome, ...others] = reader.frames
    expect(welcome).not.toHaveProperty('cursor')
    expect(others.filter(({ topic }) => topic).map(({ replayed }) => replayed)).toEqual([
      ...expected.map(() => true),
      undefined,
    ])
  })

  it('replays thousands of messages, all and in order', async () => {
    const { url, app } = await start()
    const numbers = Array.from({ length: 2500 }, (_, number) => number)
    await Promise.all(numbers.map((number) => app.publish('news/a', number)))
    const { payloads } = await replay(url, 'topic=news/*&since=earliest')
    expect(payloads).toEqual(numbers)
  })

  it('goes on after Last-Event-ID, whatever the query says', async () => {
    const { url, app } = await start()
    const first = await SseReader.open(`${url}/api/v1/sse?topic=news/*`)
    await first.until(({ type }) => type === 'welcome')
    for (const payload of [1, 2, 3]) await app.publish('news/a', payload)
    const { cursor } = (await first.until(({ payload }) => payload === 2)) as { cursor?: string }
    const headers = { 'last-event-id': cursor as string }
    expect((await replay(url, 'topic=news/*&last=50', headers)).payloads).toEqual([3])
    expect((await replay(url, `topic=news/*&since=${cursor}`)).payloads).toEqual([3])
    expect((await replay(url, 'topic=news/*&last=2', { 'last-event-id': '' })).payloads).toEqual([2, 3])
  })

  it('of curl goes on after the last id that curl has printed', async () => {
    const { url, app } = await start()
    const address = `${url}/api/v1/sse?topic=news/*`
    const first = curl(address)
    await vi.waitFor(() => expect(first.text).toContain('"type":"welcome"'))
    await app.publish('news/a', 'printed')
    await vi.waitFor(() => expect(first.text).toContain('"printed"'))
    const lastId = [...first.text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1]
    await app.publish('news/a', 'missed')
    const second = curl(address, '-H', `Last-Event-ID: ${lastId}`)
    await vi.waitFor(() => expect(second.text).toContain('"replayed","recovered":true'))
    expect([...second.text.matchAll(/"payload":"(\w+)"/g)].map(([, payload]) => payload)).toEqual(['missed'])
  })

  it('that breaks during a replay goes on after the last replayed message', async () => {
    const { url, app } = await start()
    const numbers = Array.from({ length: 60 }, (_, number) => number)
    for (const number of numbers) await app.publish('news/a', { number, fill: 'x'.repeat(10_000) })
    const broken = await SseReader.open(`${url}/api/v1/sse?topic=news/*&since=earliest`)
    const last = await broken.until(({ payload }) => payload?.number === 20)
    broken.close()
    const headers = { 'last-event-id': String(last.cursor) }
    const { payloads } = await replay(url, 'topic=news/*&since=earliest', headers)
    expect(payloads.map(({ number }) => number)).toEqual(numbers.slice(21))
  })

  it('replays the room of its query, and nothing if it has no topics', async () => {
    const { url, app } = await start()
    await app.publish('rooms/42/messages', 'for the room')
    await app.publish('news/a', 'for others')
    const inRoom = await replay(url, 'username=ada&roomID=42&since=earliest')
    expect(inRoom.reader.frames.filter(({ replayed }) => replayed).map(({ payload }) => payload)).toEqual([
      'for the room',
    ])
    const without = await replay(url, 'since=earliest')
    expect([without.payloads, without.end.recovered]).toEqual([[], true])
  })

  it.each([
    ['an id of another stream', 'A'.repeat(22)],
    ['an id that is no cursor', '17'],
  ])('tells a client with %s that messages are missing, and goes on', async (_what, id) => {
    const { url, app } = await start()
    await app.publish('news/a', 'missed')
    const { reader, end, payloads } = await replay(url, 'topic=news/*', { 'last-event-id': id })
    expect(payloads).toEqual([])
    expect(end).toEqual({ type: 'replayed', recovered: false, reason: 'epoch', cursor: CURSOR })
    await reader.untilText((text) =>
      text.includes(`event: control\nid: ${end.cursor}\ndata: {"type":"replayed"`),
    )
    await app.publish('news/a', 'live')
    await reader.until(({ payload }) => payload === 'live')
  })

  it.each([
    'since=',
    `since=${'x'.repeat(256)}`,
    'last=',
    'last=-1',
    'last=1.5',
    'last=1e3',
    'ago=5m',
    'last=9007199254740993',
    'last=1&ago=1',
    'since=earliest&last=1',
  ])('is refused with bad_frame if the query has %s', async (query) => {
    const { url, app } = await start()
    const response = await fetch(`${url}/api/v1/sse?topic=news/*&${query}`)
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { code: 'bad_frame' }, reconnectAfter: null },
    ])
    expect(app.refusals.bad_frame).toBe(1)
  })

  it('that is resumable gets every frame once, with a replay at its beginning', async () => {
    const { url, app } = await start()
    for (const payload of [1, 2]) await app.publish('news/a', payload)
    const { reader } = await replay(url, 'resume=1&topic=news/*&since=earliest')
    const { session } = reader.frames[0] as Received & { session: string }
    reader.close()
    await vi.waitFor(() => expect(reader.ended).toBe(true))
    await app.publish('news/a', 3)
    const headers = { 'last-event-id': 'ignored' }
    const resumed = await SseReader.open(`${url}/api/v1/sse?session=${session}&received=3`, headers)
    await app.publish('news/a', 4)
    await resumed.until(({ payload }) => payload === 4)
    expect(resumed.frames.map(({ type, payload }) => type ?? payload)).toEqual(['replayed', 3, 4])
  })
})

describe('an EventSource', () => {
  it('that reconnects gets what it has missed, by itself', async () => {
    const { url, app } = await start()
    const source = new EventSource(`${url}/api/v1/sse?topic=news/*&last=1`)
    onTestFinished(() => source.close())
    const messages: unknown[] = []
    const control: Received[] = []
    await app.publish('news/a', 0)
    source.onmessage = ({ data }) => messages.push(JSON.parse(data).payload)
    source.addEventListener('control', ({ data }) => control.push(JSON.parse(data)))
    await vi.waitFor(() => expect(messages).toEqual([0]))
    await app.publish('news/a', 1)
    await vi.waitFor(() => expect(messages).toEqual([0, 1]))
    app.sessions.get((control[0] as unknown as { session: string }).session)?.close()
    await app.publish('news/a', 2)
    await app.publish('news/a', 3)
    await vi.waitFor(() => expect(messages).toEqual([0, 1, 2, 3]))
    await vi.waitFor(() => expect(control.filter(({ type }) => type === 'replayed')).toHaveLength(2))
    expect(control.at(-1)).toMatchObject({ recovered: true })
  })
})

it('a stream of an app without history has no ids and no pings, and tells a client that asks for more', async () => {
  const { url, app } = await startApp({ pingInterval: 10, plugins: [sse({ heartbeat: 50 })] })
  const plain = curl(`${url}/api/v1/sse?topic=news`)
  await vi.waitFor(() => expect(plain.text).toContain('"type":"welcome"'))
  await app.publish('news', 1)
  await vi.waitFor(() => expect(plain.text.split(': heartbeat\n\n').length).toBeGreaterThan(2))
  const [, ...rest] = plain.text.replaceAll(': heartbeat\n\n', '').split('"byteBurst":4194304}\n\n')
  expect(rest).toEqual(['data: {"topic":"news","payload":1}\n\n'])
  expect(plain.text).not.toMatch(/^id:/m)
  const { end } = await replay(url, 'topic=news', { 'last-event-id': 'A'.repeat(22) })
  expect(end).toEqual({ type: 'replayed', recovered: false, reason: 'unavailable' })
})
