import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { type Client, createClient } from 'rookery/client'
import { RookeryProvider, useCall, useConnection, useRoom, useTopic } from 'rookery/react'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { MemoryTransport } from '../unit/client/support.ts'

const load = vi.fn(async () => ['loaded'])

const Page = () => {
  const list = useTopic('news', { initial: ['initial'], load, select: (all) => all.join(), key: 'list' })
  const last = useTopic('news')
  const { state, members } = useRoom('42', { members: true })
  const connection = useConnection()
  const call = useCall('chat/send')
  return JSON.stringify([list, last, state, members ?? null, connection, call])
}

const html = (client: Client) =>
  renderToString(createElement(RookeryProvider, { client }, createElement(Page))).replaceAll('&quot;', '"')

describe('rendering on a server', () => {
  const states = [
    { data: 'initial', status: 'pending' },
    { status: 'pending' },
    'joining',
    null,
    { state: 'idle', user: null, transport: null },
    { pending: false },
  ]

  it('uses initial, and neither loads, subscribes, joins, calls nor connects', () => {
    const spies = (['subscribe', 'join', 'call', 'connect', 'on'] as const).map((name) => {
      const spy = vi.fn()
      return { name, spy }
    })
    const client = createClient()
    Object.assign(client, Object.fromEntries(spies.map(({ name, spy }) => [name, spy])))
    expect(JSON.parse(html(client))).toEqual(states)
    expect(client.state).toBe('idle')
    for (const { spy } of [...spies, { spy: load }]) expect(spy).not.toHaveBeenCalled()
  })

  it('leaves no timer: a server that has rendered pages may end', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    html(createClient())
    expect(vi.getTimerCount()).toBe(0)
  })

  it('gives the same page with a client that is open: hydration finds what the server has rendered', async () => {
    const client = createClient({ url: 'http://localhost:3000', transports: [new MemoryTransport()] })
    onTestFinished(() => client.close())
    await client.ready()
    expect(JSON.parse(html(client))).toEqual(states)
  })
})
