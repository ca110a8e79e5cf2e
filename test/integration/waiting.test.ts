import { request } from 'node:http'
import type { Socket } from 'node:net'
import { HttpServer } from 'rookery/http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  closedWith,
  connectBy,
  startThree,
  TRANSPORTS,
  until,
  welcomeBy,
} from '../support/three-transports.ts'
import { UPGRADE, upgradeAnswer } from '../support/upgrade-answer.ts'

/** An app whose clock passes only while a test waits for something. */
const start = async (handshakeRate: number) => {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  return await startThree({ limits: { handshakeRate, handshakeBurst: 1 } })
}

/** Waits, and lets time pass meanwhile. */
const soon = <T>(promise: Promise<T>): Promise<T> => {
  let settled = false
  const mark = () => void (settled = true)
  promise.then(mark, mark)
  return vi.waitFor(() => expect(settled).toBe(true), { interval: 5 }).then(() => promise)
}

/** Asks for a WebSocket; returns how to leave without the answer. */
const askAndLeave = (url: string) => {
  const asking = request(`${url}/api/v1/ws`, { headers: UPGRADE })
  asking.on('error', () => {})
  asking.end()
  return () => void asking.destroy()
}

const connectAndLeave = async (transport: string, url: string) => {
  const peer = await connectBy(transport, url)
  return () => peer.abort()
}

describe.each(TRANSPORTS)('an address over its handshake burst, by %s', (transport) => {
  it('has its handshakes queued instead of refused', async () => {
    const { url, app } = await start(20)
    const peers = Array.from({ length: 4 }, () => connectBy(transport, url))
    const began = performance.now()
    for (const peer of await soon(Promise.all(peers))) await until(peer, ({ type }) => type === 'welcome')
    expect(performance.now() - began).toBeGreaterThanOrEqual(150)
    expect(app.refusals).toEqual({})
    expect(app.sessions.size).toBe(4)
  })

  it('has a handshake refused after half a second in the queue', async () => {
    const { url, app } = await start(1)
    await welcomeBy(transport, url)
    const began = performance.now()
    if (transport === 'websocket') expect((await soon(upgradeAnswer(`${url}/api/v1/ws`))).status).toBe(429)
    else expect(await closedWith(await connectBy(transport, url))).toBe('rate_limited')
    expect(performance.now() - began).toBeGreaterThanOrEqual(500)
    expect(app.refusals).toEqual({ rate_limited: 1 })
  })

  it('leaves nothing behind when it disconnects while it waits', async () => {
    const { url, app } = await start(5)
    await welcomeBy(transport, url)
    const { server } = app.scope.get(HttpServer)
    const connections = () =>
      new Promise<number>((resolve) => server.getConnections((_error, open) => resolve(open)))
    const before = await connections()
    const leave = transport === 'websocket' ? askAndLeave(url) : await connectAndLeave(transport, url)
    const staying = connectBy(transport, url)
    await vi.waitFor(async () => expect(await connections()).toBe(before + 2), { interval: 1 })
    leave()
    await until(await soon(staying), ({ type }) => type === 'welcome')
    await vi.waitFor(() => expect(app.sessions.size).toBe(2))
    await vi.waitFor(async () => expect(await connections()).toBe(before + 1))
  })
})

describe('a server that stops', () => {
  it('does not keep queued handshakes waiting', async () => {
    const { url, app } = await start(1)
    await welcomeBy('websocket', url)
    const { server } = app.scope.get(HttpServer)
    const connected = new Promise<Socket>((resolve) => server.once('connection', resolve))
    const answer = upgradeAnswer(`${url}/api/v1/ws`)
    const socket = await connected
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    while (socket.bytesRead === 0) await turn()
    await turn()
    const now = performance.now()
    await app.stop()
    const { status, body } = await answer
    expect([status, JSON.parse(body).error.code]).toEqual([503, 'shutting_down'])
    expect(performance.now()).toBe(now)
  })
})
