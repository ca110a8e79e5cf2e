import '../support/dom.ts'
import { act, render, renderHook, screen } from '@testing-library/react'
import { Activity, type ActivityProps, createElement, Suspense, startTransition, use, useState } from 'react'
import { useTopic } from 'rookery/react'
import { describe, expect, it, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { deferred } from '../support/deferred.ts'
import { expectNoReports, providerOf, recordingClient, useTestingLibrary } from '../support/react.ts'

useTestingLibrary()

const start = async () => {
  expectNoReports()
  const { app, url } = await startApp()
  const recording = recordingClient(url)
  const arrived = () => recording.client.call('no/such').catch(() => {})
  return { app, arrived, ...recording }
}

describe('a transition that suspends', () => {
  it('subscribes when React commits it; until then the component shows the last topic', async () => {
    const { app, client, subscriptions, arrived } = await start()
    const { promise, resolve } = deferred()
    const { result } = renderHook(
      () => {
        const [room, setRoom] = useState(1)
        const mark = room
        const topic = useTopic(`rooms/${room}/messages`, {
          initial: '',
          reduce: (text, payload: string) => `${text}${mark}${payload} `,
        })
        if (room === 2) use(promise)
        return { ...topic, setRoom }
      },
      {
        wrapper: ({ children }) =>
          createElement(
            Suspense,
            { fallback: 'waiting' },
            createElement(providerOf(client, 60_000), null, children),
          ),
      },
    )
    await vi.waitFor(() => expect(result.current.status).toBe('active'))
    await act(async () => startTransition(() => result.current.setRoom(2)))
    await app.publish('rooms/1/messages', 'a')
    await vi.waitFor(() => expect(result.current.data).toBe('1a '))
    await arrived()
    expect(subscriptions()).toEqual(['+rooms/1/messages'])
    resolve()
    await vi.waitFor(() => expect(subscriptions()).toEqual(['+rooms/1/messages', '+rooms/2/messages']))
    await vi.waitFor(() => expect(result.current).toMatchObject({ data: '', status: 'active' }))
    await app.publish('rooms/2/messages', 'b')
    await vi.waitFor(() => expect(result.current.data).toBe('2b '))
  })
})

describe('a render that React does not commit', () => {
  it('does not change the functions in use', async () => {
    const { app, client } = await start()
    const { promise, resolve } = deferred()
    const { result } = renderHook(
      () => {
        const [version, setVersion] = useState(1)
        const topic = useTopic('news', { initial: '', reduce: (_, text: string) => `${text} in ${version}` })
        if (version === 2) use(promise)
        return { ...topic, setVersion }
      },
      { wrapper: providerOf(client) },
    )
    await vi.waitFor(() => expect(result.current.status).toBe('active'))
    await act(async () => startTransition(() => result.current.setVersion(2)))
    await app.publish('news', 'first')
    await vi.waitFor(() => expect(result.current.data).toBe('first in 1'))
    await act(async () => resolve())
    await app.publish('news', 'second')
    await vi.waitFor(() => expect(result.current.data).toBe('second in 2'))
  })
})

describe('a component that suspends on its first render', () => {
  it('subscribes once, when it is there', async () => {
    const { client, subscriptions, arrived } = await start()
    const { promise, resolve } = deferred()
    const Late = () => {
      const { status } = useTopic('news')
      use(promise)
      return status
    }
    const page = createElement(Suspense, { fallback: 'waiting' }, createElement(Late))
    await act(async () => void render(page, { wrapper: providerOf(client) }))
    await screen.findByText('waiting')
    await arrived()
    expect(subscriptions()).toEqual([])
    await act(async () => resolve())
    await screen.findByText('active')
    expect(subscriptions()).toEqual(['+news'])
  })
})

describe('Activity', () => {
  const News = ({ load }: { load: () => Promise<string> }) => {
    const { data, status } = useTopic('news', { load })
    return createElement('p', null, `${data} ${status}`)
  }
  const show = (mode: 'visible' | 'hidden', load: () => Promise<string>) =>
    createElement(Activity, { mode } as ActivityProps, createElement(News, { load }))

  it('that is hidden for less than the linger costs no frame and no load', async () => {
    const { app, client, frames } = await start()
    const load = vi.fn(async () => 'loaded')
    const { findByText, rerender } = render(show('visible', load), { wrapper: providerOf(client, 60_000) })
    await findByText('loaded active')
    const { length } = frames
    rerender(show('hidden', load))
    await app.publish('news', 'meanwhile')
    rerender(show('visible', load))
    await findByText('meanwhile active')
    expect(frames).toHaveLength(length)
    expect(load).toHaveBeenCalledOnce()
  })

  it('that is hidden for longer unsubscribes, and then loads what it has missed', async () => {
    const { client, subscriptions } = await start()
    const load = vi.fn(async () => `load ${load.mock.calls.length}`)
    const { findByText, rerender } = render(show('visible', load), { wrapper: providerOf(client, 1) })
    await findByText('load 1 active')
    rerender(show('hidden', load))
    await vi.waitFor(() => expect(subscriptions()).toEqual(['+news', '-news']))
    rerender(show('visible', load))
    await findByText('load 2 active')
    expect(subscriptions()).toEqual(['+news', '-news', '+news'])
  })
})

describe('a page whose modules are replaced while it runs', () => {
  const News = () => useTopic('news', { key: 'news' }).data as string

  it('keeps its subscription and its shared state if the component is another one', async () => {
    const { app, client, frames } = await start()
    const wrapper = providerOf(client, 60_000)
    const { findByText, rerender } = render(createElement(News), { wrapper })
    await vi.waitFor(() => expect([...app.sessions][0]?.subscriptions).toEqual(['news']))
    await app.publish('news', 'hello')
    await findByText('hello')
    const { length } = frames
    const Edited = () => `edited: ${useTopic('news', { key: 'news' }).data}`
    rerender(createElement(Edited))
    await findByText('edited: hello')
    expect(frames).toHaveLength(length)
  })

  it('moves to another client if the module of the client is another one', async () => {
    const first = await start()
    const second = await start()
    const tree = ({ client }: { client: typeof first.client }) =>
      createElement(providerOf(client, 1), { key: 'same' }, createElement(News))
    const { rerender } = render(tree(first))
    await vi.waitFor(() => expect([...first.app.sessions][0]?.subscriptions).toEqual(['news']))
    rerender(tree(second))
    await vi.waitFor(() => expect([...second.app.sessions][0]?.subscriptions).toEqual(['news']))
    await vi.waitFor(() => expect([...first.app.sessions][0]?.subscriptions).toEqual([]))
  })
})
