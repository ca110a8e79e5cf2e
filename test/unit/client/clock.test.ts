import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RookeryError } from '../../../client/index.ts'
import { verifies } from '../../requirements.ts'
import { clientOf, MemoryTransport, welcome } from './support.ts'

const url = 'http://localhost:3000'
const lost = new RookeryError('disconnected')
/** Runs everything that is due without advancing the clock. */
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

const connected = async (options = {}) => {
  const transport = new MemoryTransport()
  const client = clientOf({ url, transports: [transport], reconnect: { min: 500, max: 20_000 }, ...options })
  await settle()
  expect(client.state).toBe('open')
  return { client, transport }
}

/** Records the waits that a client announces from now on. */
const waits = (client: {
  on: (event: 'state', listener: (state: string, detail: { retryIn?: number }) => void) => unknown
}) => {
  const announced: (number | undefined)[] = []
  client.on('state', (state, { retryIn }) => state === 'waiting' && announced.push(retryIn))
  return announced
}

describe('the wait between attempts', () => {
  test('doubles its upper bound with every failure up to max, and is spread over the whole range', async () => {
    verifies('protocol.closing.wait-grows')
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { client, transport } = await connected({ reconnect: { min: 100, max: 1000 } })
    const announced = waits(client)
    transport.reachable = false
    transport.peer.close(lost)
    await vi.advanceTimersByTimeAsync(1_500)
    expect(announced).toEqual([50, 100, 200, 400, 500, 500])
  })

  test('keeps growing while connections are short-lived', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { client, transport } = await connected()
    const announced = waits(client)
    for (const wait of [250, 500, 1000]) {
      await vi.advanceTimersByTimeAsync(4_999)
      transport.peer.close(lost)
      await vi.advanceTimersByTimeAsync(wait)
      expect(client.state).toBe('open')
    }
    await vi.advanceTimersByTimeAsync(5_000)
    transport.peer.close(lost)
    expect(announced).toEqual([250, 500, 1000, 250])
  })

  test('is the time in the server’s close frame', async () => {
    const { client, transport } = await connected()
    const error = { code: 'shutting_down', message: 'Bye' }
    transport.peer.message({ type: 'close', error, reconnectAfter: 30_000 })
    expect(transport.peer.ended).toBe('closed')
    await vi.advanceTimersByTimeAsync(29_999)
    expect(client.state).toBe('waiting')
    await vi.advanceTimersByTimeAsync(1)
    expect(client.state).toBe('open')
  })

  test.each([-1, 2 ** 40, 'soon', undefined])(
    'is the own one where the server says %o',
    async (reconnectAfter) => {
      vi.spyOn(Math, 'random').mockReturnValue(0.5)
      const { client, transport } = await connected()
      const announced = waits(client)
      const error = { code: 'shutting_down', message: 'Bye' }
      transport.peer.message({ type: 'close', error, reconnectAfter: reconnectAfter as number })
      expect(announced).toEqual([250])
    },
  )

  test('is skipped by connect()', async () => {
    const { client, transport } = await connected()
    transport.peer.message({
      type: 'close',
      error: { code: 'rate_limited', message: '' },
      reconnectAfter: 9_000,
    })
    client.connect()
    await settle()
    expect([client.state, transport.peers.length]).toEqual(['open', 2])
    await vi.advanceTimersByTimeAsync(9_000)
    expect(transport.peers).toHaveLength(2)
  })

  test('is skipped while another transport is left to try', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const [first, second] = [new MemoryTransport('first'), new MemoryTransport('second')]
    first.reachable = false
    const { client } = await connected({ transports: [first, second] })
    expect(client.transport).toBe('second')
    second.peer.close(lost)
    await vi.advanceTimersByTimeAsync(500)
    expect([client.transport, first.peers.length]).toEqual(['second', 1])
  })
})

describe('silence', () => {
  test('for longer than the ping interval and 10 s ends the connection, and a new one is made at once', async () => {
    verifies('protocol.ping.silent-server')
    const { client, transport } = await connected()
    await vi.advanceTimersByTimeAsync(34_999)
    expect(client.state).toBe('open')
    const announced = waits(client)
    await vi.advanceTimersByTimeAsync(1)
    expect(transport.peer.ended).toBe('aborted')
    await vi.advanceTimersByTimeAsync(1)
    expect([client.state, transport.peers.length, announced]).toEqual(['open', 2, [0]])
  })

  test('ends with any data of the server', async () => {
    const { client, transport } = await connected()
    const arrivals = [
      () => transport.peer.message({ type: 'ping' }),
      () => transport.peer.message({ topic: 'a' }),
      () => transport.peer.invalid(new RookeryError('bad_frame')),
    ]
    for (const arrive of arrivals) {
      await vi.advanceTimersByTimeAsync(30_000)
      arrive()
    }
    await vi.advanceTimersByTimeAsync(34_000)
    expect([client.state, transport.peers.length]).toEqual(['open', 1])
  })

  test('does not matter if the server announces no pings', async () => {
    const transport = new MemoryTransport('quiet', { ...welcome(), pingInterval: 0 })
    const { client } = await connected({ transports: [transport] })
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect([client.state, transport.peers.length]).toEqual(['open', 1])
  })
})

describe('in a browser', () => {
  const page = () => {
    const window = new EventTarget()
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible' })
    vi.stubGlobal('addEventListener', window.addEventListener.bind(window))
    vi.stubGlobal('removeEventListener', window.removeEventListener.bind(window))
    vi.stubGlobal('document', document)
    const turn = (state: 'hidden' | 'visible') => {
      document.visibilityState = state
      document.dispatchEvent(new Event('visibilitychange'))
    }
    return { online: () => window.dispatchEvent(new Event('online')), turn }
  }

  const waiting = async () => {
    const { client, transport } = await connected()
    transport.peer.message({
      type: 'close',
      error: { code: 'rate_limited', message: '' },
      reconnectAfter: 9_000,
    })
    return { client, transport }
  }

  test('a waiting client connects at once when the browser is online again', async () => {
    const { online } = page()
    const { client } = await waiting()
    online()
    await settle()
    expect(client.state).toBe('open')
  })

  test('a waiting client connects at once when the page becomes visible', async () => {
    const { turn } = page()
    const { client } = await waiting()
    turn('hidden')
    await settle()
    expect(client.state).toBe('waiting')
    turn('visible')
    await settle()
    expect(client.state).toBe('open')
  })

  test('a connection that died while the computer slept is replaced when the page becomes visible', async () => {
    const { turn } = page()
    const { client, transport } = await connected()
    turn('visible')
    await settle()
    expect(transport.peers).toHaveLength(1)
    vi.setSystemTime(Date.now() + 3_600_000)
    turn('visible')
    await settle()
    expect([client.state, transport.peers.length]).toEqual(['open', 2])
  })

  test('a closed client has no listeners and leaves no timer', async () => {
    const { online, turn } = page()
    const { client, transport } = await waiting()
    client.call('a').catch(() => {})
    client.close()
    expect(vi.getTimerCount()).toBe(0)
    online()
    turn('visible')
    await settle()
    expect([client.state, transport.peers.length]).toEqual(['closed', 1])
  })
})

test('a client closed while open leaves no timer', async () => {
  const { client, transport } = await connected()
  client.call('a').catch(() => {})
  client.close()
  expect([vi.getTimerCount(), transport.peer.ended]).toEqual([0, 'closed'])
})

test('a client closed during an attempt leaves no timer, even while params are pending', async () => {
  const transport = new MemoryTransport()
  const client = clientOf({ url, transports: [transport], params: async () => ({}) })
  client.close()
  await settle()
  expect([vi.getTimerCount(), transport.peers.length]).toEqual([0, 0])
})
