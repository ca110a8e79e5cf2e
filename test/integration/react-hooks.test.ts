import '../support/dom.ts'
import { act, render, renderHook } from '@testing-library/react'
import { createElement } from 'react'
import { useCall, useConnection, useRoom } from 'rookery/react'
import { rooms } from 'rookery/rooms'
import { describe, expect, it, vi } from 'vitest'
import { startApp, type TestAppOptions } from '../support/app.ts'
import { deferred } from '../support/deferred.ts'
import { expectNoReports, providerOf, recordingClient, useTestingLibrary } from '../support/react.ts'

useTestingLibrary()

const start = async (options: TestAppOptions = {}, linger?: number) => {
  expectNoReports()
  const { app, url } = await startApp(options)
  const recording = recordingClient(url, { username: 'ada' })
  const connect = async (username: string) => {
    const { client } = recordingClient(url, { username })
    await client.ready()
    return client
  }
  return { app, url, connect, wrapper: providerOf(recording.client, linger), ...recording }
}

describe('useCall', () => {
  /** A handler that answers when the test says so, in the order of the test. */
  const startSlow = async () => {
    const gates = new Map<string, () => void>()
    const aborted: string[] = []
    const started = await start({
      prepare: (app) =>
        app.handle('slow', async (ctx, name) => {
          const { promise, resolve } = deferred()
          gates.set(name as string, resolve)
          ctx.signal.addEventListener('abort', () => aborted.push(name as string))
          await promise
          return `${name} done`
        }),
    })
    const answer = async (name: string) => {
      await vi.waitFor(() => expect([...gates.keys()]).toContain(name))
      gates.get(name)!()
    }
    return { ...started, answer, aborted, gates }
  }

  it('tells that the call is pending, and then its reply', async () => {
    const { wrapper, answer } = await startSlow()
    const { result } = renderHook(() => useCall<string>('slow'), { wrapper })
    const { call } = result.current
    act(() => void call('one'))
    expect(result.current).toMatchObject({ pending: true, data: undefined })
    await answer('one')
    await vi.waitFor(() => expect(result.current).toMatchObject({ pending: false, data: 'one done' }))
    expect(result.current.call).toBe(call)
  })

  it('shows the result of the last call, also if an earlier one is answered later', async () => {
    const { wrapper, answer } = await startSlow()
    const { result } = renderHook(() => useCall<string>('slow'), { wrapper })
    const replies: Promise<unknown>[] = []
    act(() => void replies.push(result.current.call('one'), result.current.call('two')))
    await answer('two')
    await vi.waitFor(() => expect(result.current).toMatchObject({ pending: false, data: 'two done' }))
    await answer('one')
    expect(await Promise.all(replies)).toEqual(['one done', 'two done'])
    expect(result.current.data).toBe('two done')
  })

  it('has the error of the server, and forgets it with reset()', async () => {
    const { wrapper } = await start()
    const { result } = renderHook(() => useCall('no/such'), { wrapper })
    act(() => void result.current.call())
    await vi.waitFor(() => expect(result.current.error).toMatchObject({ code: 'unknown_topic' }))
    act(() => result.current.reset())
    expect(result.current).toMatchObject({ pending: false, error: undefined, data: undefined })
  })

  it.each([false, true])(
    'with abortOnUnmount: %s, a component that is unmounted meanwhile',
    async (aborts) => {
      const { wrapper, answer, gates } = await startSlow()
      const { result, unmount } = renderHook(() => useCall('slow', { abortOnUnmount: aborts }), { wrapper })
      const reply = result.current.call('one')
      await vi.waitFor(() => expect(gates.size).toBe(1))
      unmount()
      if (aborts) await expect(reply).rejects.toMatchObject({ code: 'aborted' })
      await answer('one')
      if (!aborts) expect(await reply).toBe('one done')
    },
  )
})

describe('useRoom', () => {
  it('joins while the component is mounted, and lists the members as they come and go', async () => {
    const { wrapper, connect } = await start({ plugins: [rooms()] })
    const { result } = renderHook(() => useRoom('42', { members: true }), { wrapper })
    const names = () => result.current.members?.map(({ name }) => name)
    await vi.waitFor(() => expect(names()).toEqual(['ada']))
    expect(result.current.state).toBe('joined')
    const bob = (await connect('bob')).join('42')
    await vi.waitFor(() => expect(names()).toEqual(['ada', 'bob']))
    bob.leave()
    await vi.waitFor(() => expect(names()).toEqual(['ada']))
  })

  it('lists the members again after a reconnect', async () => {
    const { wrapper, connect, cut } = await start({ plugins: [rooms()] })
    const { result } = renderHook(() => useRoom('42', { members: true }), { wrapper })
    const names = () => result.current.members?.map(({ name }) => name).sort()
    const bob = (await connect('bob')).join('42')
    await vi.waitFor(() => expect(names()).toEqual(['ada', 'bob']))
    cut()
    bob.leave()
    await vi.waitFor(() => expect([result.current.state, names()]).toEqual(['joined', ['ada']]))
  })

  it('gives the handle of the room, to send and call', async () => {
    const prepare: TestAppOptions['prepare'] = (app) =>
      app.handle('rooms/*/say', (ctx, text) => `${ctx.room}: ${text}`)
    const { wrapper } = await start({ plugins: [rooms()], prepare })
    const { result } = renderHook(() => useRoom('42'), { wrapper })
    await vi.waitFor(() => expect(result.current.state).toBe('joined'))
    expect(await result.current.room?.call('say', 'hello')).toBe('42: hello')
    expect(result.current.members).toBeUndefined()
  })

  it('tells why a join is refused', async () => {
    const { wrapper } = await start({ plugins: [rooms({ maxRooms: 1 })] })
    const { result } = renderHook(() => [useRoom('1'), useRoom('2')], { wrapper })
    await vi.waitFor(() =>
      expect(result.current).toMatchObject([
        { state: 'joined' },
        { state: 'failed', error: { code: 'too_many_rooms' } },
      ]),
    )
  })
})

describe('useConnection', () => {
  const Status = () => {
    const { state, user, transport, error, retryIn } = useConnection()
    return [state, user?.name, transport, error?.code, typeof retryIn].join()
  }

  it('tells the state, the user and the transport, and why the client waits', async () => {
    const { app, wrapper } = await start({ plugins: [rooms()] })
    const { findByText } = render(createElement(Status), { wrapper })
    await findByText('open,ada,websocket,,undefined')
    await app.stop()
    await findByText(/^waiting,,,\w+,number$/)
  })

  it('tells the error also to a component that is mounted while the client waits', async () => {
    const { app, client, wrapper } = await start()
    const { findByText, rerender } = render(null, { wrapper })
    await client.ready()
    await app.stop()
    await vi.waitFor(() => expect(client.state).toBe('waiting'))
    rerender(createElement(Status))
    await findByText(/^waiting,,,\w+,number$/)
  })
})
