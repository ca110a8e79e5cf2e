import '../support/dom.ts'
import { render, renderHook } from '@testing-library/react'
import { createElement } from 'react'
import { useRoom, useTopic } from 'rookery/react'
import { Rooms, rooms } from 'rookery/rooms'
import { describe, expect, it, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { expectNoReports, providerOf, recordingClient, useTestingLibrary } from '../support/react.ts'

// In development, React renders each component of StrictMode twice, and mounts, unmounts and mounts it.
useTestingLibrary()

const start = async (options = {}) => {
  expectNoReports()
  const { app, url } = await startApp(options)
  const recording = recordingClient(url, { username: 'ada' })
  await recording.client.ready()
  return { app, ...recording }
}

const Topic = ({ pattern, load }: { pattern: string; load?: () => Promise<unknown> }) => {
  const { data, status } = useTopic(pattern, load && { load })
  return createElement('p', null, `${String(data)} ${status}`)
}

describe('in StrictMode', () => {
  it('a component sends one subscribe frame and loads once (ably-js#1704: two attaches, and a rewind twice)', async () => {
    const { app, client, subscriptions } = await start()
    const load = vi.fn(async () => 'loaded')
    const { findByText } = render(createElement(Topic, { pattern: 'news', load }), {
      wrapper: providerOf(client),
    })
    await findByText('loaded active')
    expect(subscriptions()).toEqual(['+news'])
    expect(load).toHaveBeenCalledOnce()
    expect([...app.sessions].map((session) => session.subscriptions)).toEqual([['news']])
  })

  it('messages still arrive after the second mount (apollo-client#9664, supabase#7799)', async () => {
    const { app, client } = await start()
    const { findByText } = render(createElement(Topic, { pattern: 'news' }), { wrapper: providerOf(client) })
    await findByText('undefined active')
    await app.publish('news', 'hello')
    await findByText('hello active')
  })

  it('a component that is only rendered subscribes to nothing (apollo-client#6037: what the second rendering began was never ended)', async () => {
    const { client, subscriptions, sockets } = await start()
    const Broken = () => {
      useTopic('news')
      throw new Error('rendering failed')
    }
    vi.mocked(console.error).mockImplementation(() => {})
    expect(() => render(createElement(Broken), { wrapper: providerOf(client) })).toThrow('rendering failed')
    await client.call('no/such').catch(() => {})
    expect(subscriptions()).toEqual([])
    expect(sockets).toHaveLength(1)
  })

  it('no component opens a second connection (react-use-websocket#119)', async () => {
    const { client, sockets } = await start()
    const wrapper = providerOf(client)
    const { findAllByText } = render(
      [1, 2, 3].map((key) => createElement(Topic, { key, pattern: 'news' })),
      {
        wrapper,
      },
    )
    expect(await findAllByText('undefined active')).toHaveLength(3)
    expect(sockets).toHaveLength(1)
  })

  it('several messages in one turn are all in the state (react-use-websocket: only the last one was seen)', async () => {
    const { app, client } = await start()
    const { result } = renderHook(
      () => useTopic('news', { initial: [] as number[], reduce: (list, n: number) => [...list, n] }),
      { wrapper: providerOf(client) },
    )
    await vi.waitFor(() => expect(result.current.status).toBe('active'))
    const numbers = Array.from({ length: 100 }, (_, n) => n)
    await Promise.all(numbers.map((n) => app.publish('news', n)))
    await vi.waitFor(() => expect(result.current.data).toEqual(numbers))
  })

  it('components with other options for the same topic do not disturb each other (ably-js#1477, #1570)', async () => {
    const { app, client, subscriptions } = await start()
    const { result } = renderHook(
      () => [
        useTopic<number>('news'),
        useTopic('news', { initial: 0, reduce: (sum, n: number) => sum + n }),
        useTopic('news', { load: async () => [0], reduce: (list, n: number) => [...list, n] }),
      ],
      { wrapper: providerOf(client) },
    )
    const settled = () => result.current.every(({ status }) => status === 'active')
    await vi.waitFor(() => expect(settled()).toBe(true))
    for (const n of [1, 2]) await app.publish('news', n)
    await vi.waitFor(() => expect(result.current.map(({ data }) => data)).toEqual([2, 3, [0, 1, 2]]))
    expect(subscriptions()).toEqual(['+news'])
  })

  it('a room is joined once and left once', async () => {
    const { app, client, topics } = await start({ plugins: [rooms()] })
    const { result, unmount } = renderHook(() => useRoom('42'), { wrapper: providerOf(client, 0) })
    await vi.waitFor(() => expect(result.current.state).toBe('joined'))
    unmount()
    await vi.waitFor(async () => expect((await app.scope.get(Rooms).members('42')).items).toEqual([]))
    expect(topics()).toEqual(['room/join', 'room/leave'])
  })
})

describe('a component that is unmounted', () => {
  it('and mounted again within the linger costs no frame (ably-labs/react-hooks#17)', async () => {
    const { app, client, frames } = await start()
    const wrapper = providerOf(client, 60_000)
    const { findByText, rerender } = render(createElement(Topic, { pattern: 'news' }), { wrapper })
    await findByText('undefined active')
    const { length } = frames
    for (let round = 0; round < 10; round++) {
      rerender(null)
      rerender(createElement(Topic, { pattern: 'news' }))
    }
    await findByText('undefined active')
    await app.publish('news', 'hello')
    await findByText('hello active')
    expect(frames).toHaveLength(length)
  })

  it('unsubscribes after the linger, 150 times in a row (ably-js#1795: channels stayed until a limit was hit)', async () => {
    const { app, client } = await start()
    const load = async () => 'loaded'
    const { rerender, findByText } = render(null, { wrapper: providerOf(client, 1) })
    for (let n = 0; n < 150; n++) {
      rerender(createElement(Topic, { key: n, pattern: `rooms/${n}/messages`, load }))
      await findByText('loaded active')
    }
    rerender(null)
    await vi.waitFor(() => expect([...app.sessions].map((session) => session.subscriptions)).toEqual([[]]))
  })
})
