import { type Client, createClient, websocket } from 'rookery/client'
import { socketio } from 'rookery/client/socketio'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startThree } from '../support/three-transports.ts'

const MIB = 1024 * 1024

/** What the network of the WebSockets of these tests has not taken. */
let stuck = 0

class SlowWebSocket extends WebSocket {
  constructor(url: string) {
    super(url)
    Object.defineProperty(this, 'bufferedAmount', { get: () => stuck })
  }
}

const start = async (transport: Parameters<typeof createClient>[0] & object) => {
  const noted: unknown[] = []
  const { url } = await startThree({
    prepare: (app) => void app.handle('note', (_ctx, payload) => void noted.push(payload)),
  })
  const client = createClient({ url, maxQueue: 2, ...transport })
  onTestFinished(() => client.close())
  await vi.waitFor(() => expect(client.state).toBe('open'))
  return { client, noted }
}

const codeOf = (act: () => void): string | undefined => {
  try {
    act()
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('`client.buffered`', () => {
  it('counts the queue of a client that is not connected, in bytes', () => {
    const client: Client = createClient({ url: 'http://localhost:1', autoConnect: false })
    onTestFinished(() => client.close())
    expect(client.buffered).toBe(0)
    client.send('note', 'é🎉')
    expect(client.buffered).toBe(Buffer.byteLength('{"topic":"note","payload":"é🎉"}'))
    const aborted = new AbortController()
    const call = client.call('note', 'x', { signal: aborted.signal }).catch(() => {})
    const one = Buffer.byteLength('{"topic":"note","payload":"é🎉"}')
    expect(client.buffered).toBeGreaterThan(one)
    aborted.abort()
    expect(client.buffered).toBe(one)
    client.close()
    expect(client.buffered).toBe(0)
    return call
  })

  it('counts what a WebSocket has not sent; above 1 MiB messages wait, `maxQueue` holds, and calls fail', async () => {
    const { client, noted } = await start({ transports: [websocket({ WebSocket: SlowWebSocket })] })
    stuck = MIB + 1
    onTestFinished(() => {
      stuck = 0
    })
    expect(client.buffered).toBeGreaterThan(MIB)
    client.send('note', 1)
    client.send('note', 2)
    client.send('note', 'volatile', { volatile: true })
    expect(codeOf(() => client.send('note', 3))).toBe('queue_full')
    await expect(client.call('note', 3)).rejects.toMatchObject({ code: 'queue_full' })
    expect(noted).toEqual([])
    stuck = 0
    await vi.waitFor(() => expect(noted).toEqual([1, 2]))
    expect(client.buffered).toBe(0)
  })

  it.each([
    ['WebSocket', () => websocket({ WebSocket })],
    ['Socket.IO', () => socketio()],
  ])('does not limit a burst that the network takes: %s', async (_name, transport) => {
    const { client, noted } = await start({ transports: [transport()] })
    for (let number = 0; number < 50; number++) client.send('note', number)
    await vi.waitFor(() => expect(noted).toHaveLength(50))
  })
})
