import { createClient, sse } from 'rookery/client'
import { sse as ssePlugin } from 'rookery/sse'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { FaultyProxy } from '../support/proxy.ts'
import { SseReader } from '../support/sse-reader.ts'

const start = async () => {
  const noted: unknown[] = []
  const started = await startApp({
    plugins: [ssePlugin({ grace: 60_000 })],
    prepare: (app) => void app.handle('note', (_ctx, payload) => void noted.push(payload)),
  })
  return { ...started, noted, at: `${started.url}/api/v1/sse` }
}

const open = async (at: string) => {
  const reader = await SseReader.open(`${at}?resume=1&topic=news`)
  const { session } = await reader.until(({ type }) => type === 'welcome')
  const post = async (query: string, body: unknown = []) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${at}/${session}${query}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    const answer = (await response.json()) as { next?: number; error?: { code: string } }
    return answer.error?.code ?? answer.next
  }
  const resume = async (received: number) => {
    const resumed = await SseReader.open(`${at}?session=${session}&received=${received}`)
    return { status: resumed.response.status, resumed }
  }
  return { reader, post, resume }
}

describe('frames that a client acknowledges', () => {
  it('with a POST request are forgotten; the client can resume after them', async () => {
    const { app, at } = await start()
    verifies('delivery.sse.acknowledged')
    const { reader, post, resume } = await open(at)
    for (const number of [1, 2, 3]) await app.publish('news', number)
    await reader.until(({ payload }) => payload === 3)
    expect(await post('?received=3')).toBe(1)
    expect((await resume(2)).status).toBe(404)
    const { status, resumed } = await resume(3)
    expect(status).toBe(200)
    await resumed.until(({ payload }) => payload === 3)
    expect(resumed.frames).toHaveLength(1)
  })

  it('with a request for the stream are forgotten', async () => {
    const { app, at } = await start()
    const { resume } = await open(at)
    await app.publish('news', 1)
    expect((await resume(1)).status).toBe(200)
    expect((await resume(0)).status).toBe(404)
  })

  it.each(['x', '-1', '1.5'])('have a number: `received=%s` is refused', async (received) => {
    const { at } = await start()
    const { post } = await open(at)
    expect(await post(`?received=${received}`)).toBe('bad_frame')
  })

  it('before they were sent change nothing', async () => {
    const { app, at } = await start()
    const { reader, post, resume } = await open(at)
    expect(await post('?received=100')).toBe(1)
    await app.publish('news', 1)
    await reader.until(({ payload }) => payload === 1)
    const { resumed } = await resume(1)
    await resumed.until(({ payload }) => payload === 1)
  })

  it('are acknowledged by the client within 256 frames or 64 KiB, although it sends nothing', async () => {
    const { app, url } = await start()
    const proxy = await FaultyProxy.listen(url)
    const client = createClient({ url: proxy.url, transports: [sse()] })
    onTestFinished(() => client.close())
    let heard = 0
    await client.subscribe('news', () => heard++).ready
    const posts = () =>
      proxy.requests.flatMap((request) => /^POST .*received=(\d+)/.exec(request)?.slice(1).map(Number) ?? [])
    expect(posts()[0]).toBe(1)
    const before = posts().length
    for (let number = 1; number <= 1_000; number++) {
      await app.publish('news', number)
      if (number % 100 === 0) await vi.waitFor(() => expect(heard).toBe(number), { interval: 1 })
    }
    await vi.waitFor(() => expect(posts().at(-1)).toBeGreaterThan(1_000 - 256))
    expect(posts().length - before).toBeLessThan(10)
    await app.publish('news', 'x'.repeat(70_000))
    await vi.waitFor(() => expect(posts().at(-1)).toBe(1_003))
  })
})

describe('frames that a client gives up', () => {
  const frame = (seq: number) => ({ topic: 'note', payload: seq, seq })

  it('are not waited for, and not applied later', async () => {
    const { at, noted } = await start()
    verifies('delivery.sse.given-up')
    const { post } = await open(at)
    expect(await post('', frame(1))).toBe(2)
    // Frames 2 and 3 do not arrive. Frame 5 waits for frame 4.
    expect(await post('', frame(5))).toBe(2)
    expect(await post('?from=4', frame(4))).toBe(6)
    expect(await post('', [frame(2), frame(3)])).toBe(6)
    expect(await post('?from=2', frame(6))).toBe(7)
    await vi.waitFor(() => expect(noted).toEqual([1, 4, 5, 6]))
  })

  it('need not be followed by others: `from` alone releases early requests', async () => {
    const { at, noted } = await start()
    const { post } = await open(at)
    expect(await post('', [frame(2), frame(3)])).toBe(1)
    expect(await post('', frame(5))).toBe(1)
    expect(await post('?from=3')).toBe(4)
    expect(await post('?from=5')).toBe(6)
    await vi.waitFor(() => expect(noted).toEqual([3, 5]))
  })
})
