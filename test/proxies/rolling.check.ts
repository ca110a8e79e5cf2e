import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from 'rookery/client'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startApp } from './apps.ts'
import { byWebSocket, openClient } from './clients.ts'
import { startLoad } from './load.ts'
import type { Program } from './programs.ts'
import { PROXIES } from './proxies.ts'
import { startProxy } from './proxy.ts'

// The tests use a self-signed certificate.
beforeAll(() => void vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0'))
afterAll(() => void vi.unstubAllEnvs())

/** How long an app may take to stop, in ms. */
const STOP_MS = 30_000

const startForTest = async (port?: number): Promise<Program> => {
  const app = await startApp(port, { DRAIN_DELAY: '4s' })
  onTestFinished(() => app.stop(0))
  return app
}

/** Ports of the apps that clients are connected to. */
const portsOf = async (clients: readonly Client[]): Promise<Set<number>> => {
  const answers = await Promise.all(clients.map((client) => client.call<{ port: number }>('where')))
  return new Set(answers.map(({ port }) => port))
}

describe.each(PROXIES)('behind $name', (proxy) => {
  it('no request fails while two apps are restarted one after the other', async () => {
    const [first, second] = [await startForTest(), await startForTest()]
    const running = await startProxy(proxy, [first.port, second.port])
    onTestFinished(() => running.stop())
    const load = startLoad(running.url)
    onTestFinished(() => load.stop())
    const clients: Client[] = []
    while (clients.length < 10 || (await portsOf(clients)).size < 2) {
      clients.push(await openClient(running.url, byWebSocket()))
    }
    await Promise.all([load.untilAnswers(first.port, 100), load.untilAnswers(second.port, 100)])

    const stop = async (app: Program, other: Program) => {
      await app.stop(STOP_MS)
      const stopped = performance.now()
      if (proxy.checksHealth) {
        // The proxy stopped sending requests while the app still served.
        expect(stopped - load.lastAnswerOf(app.port)).toBeGreaterThan(500)
      }
      await load.untilAnswers(other.port, 100)
      await vi.waitFor(async () => expect(await portsOf(clients)).toEqual(new Set([other.port])), {
        timeout: 30_000,
      })
    }
    await stop(first, second)
    expect(load.failures, running.output()).toEqual([])
    const again = await startForTest(first.port)
    // The page says to wait this long, whatever the proxy does meanwhile.
    await pause(2_000)
    await stop(second, again)
    await load.stop()
    expect(load.failures, running.output()).toEqual([])
  })
})
