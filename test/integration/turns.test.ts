import type { App, ServerFrame } from 'rookery'
import { HttpServer } from 'rookery/http'
import type { Peer } from 'rookery/testing/conformance'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { verifies } from '../requirements.ts'
import { RawWebSocket } from '../support/raw-websocket.ts'
import {
  ask,
  closedWith,
  connectBy,
  startThree,
  TRANSPORTS,
  until,
  welcomeBy,
} from '../support/three-transports.ts'
import { upgradeAnswer } from '../support/upgrade-answer.ts'

/** Higher than a flood reaches, for limits that a test does not set. */
const NO_LIMIT = 1_000_000

const limits = { messageRate: NO_LIMIT, messageBurst: NO_LIMIT, byteRate: 1e9, byteBurst: 1e9 }

/** Milliseconds for which a message of the flood blocks the event loop. */
const HANDLER_COST_MS = 1

/** Number of messages of a flood. */
const FLOOD_MESSAGES = 400

/** A handler that blocks the event loop, and the number of its calls. */
const countFlood = (app: App) => {
  const flood = { handled: 0 }
  app.handle('flood', () => {
    flood.handled++
    const end = performance.now() + HANDLER_COST_MS
    while (performance.now() < end);
  })
  return flood
}

const untilHandled = (flood: { handled: number }, count: number) =>
  vi.waitFor(() => expect(flood.handled).toBeGreaterThanOrEqual(count), { timeout: 20_000, interval: 5 })

/** An app with a handler that blocks the event loop. */
const startFlooded = async () => {
  let flood = { handled: 0 }
  const prepare = (app: App) => {
    flood = countFlood(app)
  }
  return { ...(await startThree({ limits, prepare })), flood }
}

/** A masked text frame; the mask is zero. */
const maskedText = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])

/** Sends frames together, as far as the transport can. */
const sendTogether = async (transport: string, url: string, peer: Peer, frames: readonly object[]) => {
  if (transport === 'sse') {
    const { session } = await until<Extract<ServerFrame, { type: 'welcome' }>>(
      peer,
      ({ type }) => type === 'welcome',
    )
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify(frames)
    const response = await fetch(`${url}/api/v1/sse/${session}`, { method: 'POST', headers, body })
    expect(response.status).toBe(200)
  } else {
    await Promise.all(frames.map((frame) => peer.send(frame as never)))
  }
}

const floodOf = (length: number, payload?: unknown) =>
  Array.from({ length }, () => ({ topic: 'flood', payload }))

describe.each(TRANSPORTS)('a flood over %s', (transport) => {
  it('does not delay other sessions, and is handled completely', async () => {
    const { url, flood } = await startFlooded()
    const [attacker, honest] = [await welcomeBy(transport, url), await welcomeBy('websocket', url)]
    await sendTogether(transport, url, attacker, floodOf(FLOOD_MESSAGES))
    await untilHandled(flood, 1)
    for (let question = 0; question < 5; question++) {
      expect(await ask(honest, { topic: 'echo', payload: question })).toBe(question)
    }
    expect(flood.handled).toBeLessThan(FLOOD_MESSAGES)
    await untilHandled(flood, FLOOD_MESSAGES)
    expect(flood.handled).toBe(FLOOD_MESSAGES)
  })

  it('is handled completely when its sender has disconnected before', async () => {
    const { url, app, flood } = await startFlooded()
    verifies('delivery.end.read-frames-handled')
    const peer = await welcomeBy(transport, url)
    await sendTogether(transport, url, peer, floodOf(FLOOD_MESSAGES))
    peer.close()
    await untilHandled(flood, FLOOD_MESSAGES)
    await vi.waitFor(() => expect(app.usage.sessions).toBe(0))
    expect(flood.handled).toBe(FLOOD_MESSAGES)
  })
})

describe('frames that wait', () => {
  it('are discarded when the session is closed', async () => {
    const { url, app, flood } = await startFlooded()
    const peer = await welcomeBy('sse', url)
    await sendTogether('sse', url, peer, floodOf(FLOOD_MESSAGES))
    await untilHandled(flood, 1)
    for (const session of app.sessions) session.close()
    const { handled } = flood
    expect(handled).toBeLessThan(FLOOD_MESSAGES)
    expect(await closedWith(peer)).toBe('session_closed')
    expect(await ask(await welcomeBy('websocket', url), { topic: 'echo', payload: 1 })).toBe(1)
    expect(flood.handled).toBe(handled)
  })
})

describe('a WebSocket', () => {
  it('leaves nothing behind after a reset, with any number of unread bytes', async () => {
    const { url, app, flood } = await startFlooded()
    const raw = await RawWebSocket.connect(url)
    raw.bytes(Buffer.concat(Array(FLOOD_MESSAGES).fill(maskedText('{"topic":"flood"}'))))
    await untilHandled(flood, 1)
    raw.reset()
    await vi.waitFor(() => expect(app.usage.sessions).toBe(0))
    expect(flood.handled).toBeLessThan(FLOOD_MESSAGES)
  })

  it('has its waiting frames discarded after a reset, also while the server does not read the socket', async () => {
    const { app, url, flood } = await startFlooded()
    const frame = maskedText('{"topic":"flood"}')
    // More than the server reads ahead.
    const frames = Buffer.concat(Array(20_000).fill(frame))
    const peers = await Promise.all(Array.from({ length: 10 }, () => RawWebSocket.connect(url)))
    for (const peer of peers) peer.bytes(frames)
    // Every session has had a turn, and has waited for longer than one turn since.
    await untilHandled(flood, 100)
    for (const peer of peers) peer.reset()
    await vi.waitFor(() => expect(app.sessions.size).toBe(0), { interval: 5 })
    expect(flood.handled).toBeLessThan(1000)
  })

  it('may send pings and pongs within the rate of messages, and the last of many pings is answered', async () => {
    const { url } = await startThree({ limits: { messageBurst: 50 } })
    verifies('protocol.ping.of-client')
    const peer = new WebSocket(`${url.replace('http', 'ws')}/api/v1/ws`)
    onTestFinished(() => peer.terminate())
    await new Promise((resolve) => peer.once('open', resolve))
    const pongs: string[] = []
    peer.on('pong', (data) => pongs.push(String(data)))
    for (let count = 0; count < 20; count++) peer.ping(`${count}`)
    await vi.waitFor(() => expect(pongs.at(-1)).toBe('19'))
    const closed = new Promise((resolve) => peer.once('close', (code) => resolve(code)))
    for (let count = 0; count < 100; count++) {
      peer.ping()
      peer.pong()
    }
    expect(await closed).toBe(4429)
  })

  it('that exceeds its rate gets an error, and its further bytes are not read', async () => {
    const { url, app } = await startThree({ limits: { messageBurst: 10 } })
    const honest = await welcomeBy('websocket', url)
    const raw = await RawWebSocket.connect(url)
    const frames = Buffer.concat(Array(5000).fill(maskedText('{"topic":"echo"}')))
    raw.bytes(frames)
    await raw.until(({ type }) => type === 'close')
    raw.bytes(frames)
    expect(await ask(honest, { topic: 'echo', payload: 1 })).toBe(1)
    const { code, reason } = await raw.closed()
    expect([code, reason]).toEqual([4429, 'rate_limited'])
    // Ten refusals, and the last one, which closes the session.
    expect(app.refusals).toEqual({ rate_limited: 11 })
  })

  it('is read completely and in order, in many pieces', async () => {
    const seen: number[] = []
    const { url } = await startThree({
      limits,
      prepare: (app) => {
        app.handle('count', (_ctx, payload) => void seen.push(payload as number))
      },
    })
    const peer = await welcomeBy('websocket', url)
    const filler = 'x'.repeat(3000)
    for (let count = 0; count < 1000; count++) {
      void peer.send({ topic: 'count', payload: count })
      if (count % 10 === 0) void peer.send({ topic: 'echo', payload: filler })
    }
    peer.close()
    await vi.waitFor(() => expect(seen).toHaveLength(1000))
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, index) => index))
  })
})

describe('new connections', () => {
  it('that arrive all at once are all accepted, and do not delay existing sessions', async () => {
    const { url, app } = await startThree()
    const honest = await welcomeBy('websocket', url)
    const peers = Promise.all(
      Array.from({ length: 60 }, (_, index) => welcomeBy(TRANSPORTS[index % 3] as string, url)),
    )
    await vi.waitFor(() => expect(app.usage.sessions).toBeGreaterThan(1))
    expect(await ask(honest, { topic: 'echo', payload: 'there' })).toBe('there')
    for (const peer of await peers) await until(peer, ({ type }) => type === 'welcome')
    expect(app.usage.sessions).toBe(61)
  })

  it('of one address are refused past the burst, also if all arrive at once', async () => {
    const { url, app } = await startThree({ limits: { handshakeRate: 1, handshakeBurst: 3 } })
    const asked = Array.from({ length: 10 }, () => upgradeAnswer(`${url}/api/v1/ws`))
    const answers = (await Promise.all(asked)).map(({ status }) => status)
    expect(answers.sort()).toEqual([...Array(3).fill(101), ...Array(7).fill(429)])
    expect(app.refusals).toEqual({ rate_limited: 7 })
  })

  it('over Socket.IO get rate_limited and are closed', async () => {
    const { url, app } = await startThree({ limits: { handshakeRate: 1, handshakeBurst: 1 } })
    await welcomeBy('socketio', url)
    const late = await connectBy('socketio', url)
    expect(await closedWith(late)).toBe('rate_limited')
    const { server } = app.scope.get(HttpServer)
    await vi.waitFor(async () => {
      const count = await new Promise((resolve) => server.getConnections((_error, open) => resolve(open)))
      expect(count).toBe(1)
    })
  })
})
