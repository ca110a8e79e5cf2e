import '../support/dom.ts'
import { act, renderHook } from '@testing-library/react'
import { useState } from 'react'
import { useClient, useTopic } from 'rookery/react'
import { describe, expect, it, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { expectNoReports, providerOf, recordingClient, useTestingLibrary } from '../support/react.ts'

useTestingLibrary()

const start = async () => {
  expectNoReports()
  const { app, url } = await startApp()
  const recording = recordingClient(url)
  const wrapper = providerOf(recording.client)
  /** Resolves when all messages that were published before have arrived. */
  const arrived = () => recording.client.call('no/such').catch(() => {})
  return { app, wrapper, arrived, ...recording }
}

describe('new functions on each render', () => {
  it('do not subscribe again, do not lose the state, and the latest ones are used', async () => {
    const { app, wrapper, frames } = await start()
    const { result, rerender } = renderHook(
      ({ factor }) =>
        useTopic('numbers', {
          initial: 0,
          reduce: (sum, n: number) => sum + n * factor,
          select: (sum) => `${factor}: ${sum}`,
        }),
      { wrapper, initialProps: { factor: 1 } },
    )
    await vi.waitFor(() => expect(result.current.status).toBe('active'))
    const { length } = frames
    await app.publish('numbers', 1)
    await vi.waitFor(() => expect(result.current.data).toBe('1: 1'))
    for (let n = 0; n < 10; n++) rerender({ factor: 10 })
    expect(result.current.data).toBe('10: 1')
    await app.publish('numbers', 1)
    await vi.waitFor(() => expect(result.current.data).toBe('10: 11'))
    expect(frames).toHaveLength(length)
  })

  it('see the state of the latest render, not of the first one (a stale closure)', async () => {
    const { app, wrapper } = await start()
    const { result } = renderHook(
      () => {
        const [mine, setMine] = useState('nobody')
        const topic = useTopic('names', {
          initial: [] as string[],
          reduce: (list, name: string) => (name === mine ? [...list, name] : list),
        })
        return { ...topic, setMine }
      },
      { wrapper },
    )
    await vi.waitFor(() => expect(result.current.status).toBe('active'))
    act(() => result.current.setMine('ada'))
    for (const name of ['bob', 'ada']) await app.publish('names', name)
    await vi.waitFor(() => expect(result.current.data).toEqual(['ada']))
  })
})

describe('select', () => {
  it('renders the component again only when the selected part changes', async () => {
    const { app, wrapper, arrived } = await start()
    let renders = 0
    const { result } = renderHook(
      () => {
        renders++
        return useTopic('scores', {
          initial: { home: 0, away: 0 },
          reduce: (score, change: object) => ({ ...score, ...change }),
          select: ({ home }) => home,
        })
      },
      { wrapper },
    )
    await vi.waitFor(() => expect(result.current.status).toBe('active'))
    const before = renders
    const { current } = result
    for (let away = 1; away <= 10; away++) await app.publish('scores', { away })
    await arrived()
    expect(renders).toBe(before)
    expect(result.current).toBe(current)
    await app.publish('scores', { home: 1 })
    await vi.waitFor(() => expect(result.current.data).toBe(1))
  })

  it('may return a new object each time: isEqual keeps the last one, and without it there is no endless loop', async () => {
    const { app, wrapper, arrived } = await start()
    let renders = 0
    const { result } = renderHook(
      () => {
        renders++
        const options = { initial: [1, 2], reduce: (list: number[], n: number) => [...list, n] }
        const even = (list: number[]) => list.filter((n) => n % 2 === 0)
        const isEqual = (one: number[], other: number[]) => `${one}` === `${other}`
        return [
          useTopic('numbers', { ...options, select: even, isEqual }),
          useTopic('numbers', { ...options, select: even }),
        ] as const
      },
      { wrapper },
    )
    await vi.waitFor(() => expect(result.current[0].status).toBe('active'))
    const [{ data }] = result.current
    expect(data).toEqual([2])
    for (const n of [3, 5]) await app.publish('numbers', n)
    await arrived()
    expect(result.current[0].data).toBe(data)
    await app.publish('numbers', 4)
    await vi.waitFor(() =>
      expect(result.current.map((topic) => topic.data)).toEqual([
        [2, 4],
        [2, 4],
      ]),
    )
    expect(renders).toBeLessThan(50)
  })
})

describe('another topic', () => {
  it('begins with its own initial state; the last topic is cancelled after the linger', async () => {
    const { app, client, subscriptions } = await start()
    const { result, rerender } = renderHook(
      ({ room }) => useTopic(`rooms/${room}/messages`, { initial: `no message in ${room}` }),
      { wrapper: providerOf(client, 1), initialProps: { room: 1 } },
    )
    await vi.waitFor(() => expect(result.current.status).toBe('active'))
    await app.publish('rooms/1/messages', 'hello')
    await vi.waitFor(() => expect(result.current.data).toBe('hello'))
    rerender({ room: 2 })
    expect(result.current).toMatchObject({ data: 'no message in 2', status: 'pending' })
    await vi.waitFor(() =>
      expect(subscriptions()).toEqual(['+rooms/1/messages', '+rooms/2/messages', '-rooms/1/messages']),
    )
  })

  it('may be none yet: null subscribes to nothing', async () => {
    const { wrapper, subscriptions, arrived } = await start()
    const { result, rerender } = renderHook(({ topic }) => useTopic(topic), {
      wrapper,
      initialProps: { topic: null as string | null },
    })
    await arrived()
    expect(result.current.status).toBe('pending')
    expect(subscriptions()).toEqual([])
    rerender({ topic: 'news' })
    await vi.waitFor(() => expect(result.current.status).toBe('active'))
  })
})

describe('a reconnect', () => {
  it('loads again what was missed, and keeps the data meanwhile', async () => {
    const { wrapper, cut } = await start()
    const stored = ['a']
    const seen: unknown[] = []
    const { result } = renderHook(
      () => {
        const topic = useTopic('news', { load: async () => [...stored] })
        seen.push([topic.status, topic.data])
        return topic
      },
      { wrapper },
    )
    await vi.waitFor(() => expect(result.current).toMatchObject({ data: ['a'], status: 'active' }))
    stored.push('b')
    seen.length = 0
    cut()
    await vi.waitFor(() => expect(result.current).toMatchObject({ data: ['a', 'b'], status: 'active' }))
    expect(seen).toContainEqual(['pending', ['a']])
  })
})

describe('mistakes', () => {
  it('of a pattern are thrown for an error boundary', async () => {
    const { wrapper } = await start()
    vi.mocked(console.error).mockImplementation(() => {})
    expect(() => renderHook(() => useTopic('a//b'), { wrapper, reactStrictMode: false })).toThrow(
      expect.objectContaining({ code: 'invalid_pattern' }),
    )
  })

  it('such as a missing provider or a wrong linger have the code invalid_option', async () => {
    const { client } = await start()
    vi.mocked(console.error).mockImplementation(() => {})
    const error = expect.objectContaining({ code: 'invalid_option' })
    expect(() => renderHook(() => useClient())).toThrow(error)
    expect(() => renderHook(() => useClient(), { wrapper: providerOf(client, -1) })).toThrow(error)
  })
})
