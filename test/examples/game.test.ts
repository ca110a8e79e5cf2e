import { once } from 'node:events'
import { HttpServer } from 'rookery/http'
import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { Player } from '../../examples/game/player.ts'
import { createGameApp } from '../../examples/game/server.ts'
import { TickMeter } from '../../examples/game/tick-meter.ts'
import { runDemo } from '../support/example.ts'

it('the demo of the game example gives 8 players at least 95 % of the ticks, in order', async () => {
  const output = await runDemo('game')
  expect(output.match(/^player-\d+: \d+ ticks, \d+ missing/gm)).toHaveLength(8)
  expect(output).toMatch(/Each player has at least 95 % of the ticks, in order$/)
})

/** Starts the game without its loop, with a match of 200 players who have no connection: its frames have about 8 KB. */
const startLargeMatch = async () => {
  const { app, game } = createGameApp(0)
  await app.start()
  onTestFinished(() => app.stop())
  for (let number = 0; number < 200; number += 1) game.match('meadow').join(`guest-${number}`)
  return { game, url: app.scope.get(HttpServer).url }
}

it('the game moves a player as its input says, from the next tick on', async () => {
  const { game, url } = await startLargeMatch()
  const player = new Player(url, 'meadow')
  onTestFinished(() => player.close())
  const position = () => {
    game.step()
    return player.frame?.players.find(({ id }) => id === player.id)
  }
  await vi.waitFor(() => expect(position()).toMatchObject({ x: 50, y: 50 }))
  player.steer({ dx: 1, dy: 0 })
  await vi.waitFor(() => expect(position()?.x).toBeGreaterThan(52))
  player.steer({ dx: 0, dy: -1 })
  await vi.waitFor(() => expect(position()?.y).toBe(0))
})

it('a client of the game that reads too slowly misses frames, and neither delays the others nor loses its connection', async () => {
  const { game, url } = await startLargeMatch()
  const fast = new Player(url, 'meadow')
  onTestFinished(() => fast.close())
  const slow = new WebSocket(`${url.replace('http', 'ws')}/api/v1/ws`)
  onTestFinished(() => slow.terminate())
  const ticks: number[] = []
  const subscribed = new Promise<void>((resolve) => {
    slow.on('message', (text) => {
      const { type, topic, payload } = JSON.parse(String(text))
      if (type === 'reply') resolve()
      if (topic === 'matches/meadow/frame') ticks.push(payload.tick)
    })
  })
  await once(slow, 'open')
  slow.send(JSON.stringify({ type: 'subscribe', id: 1, topics: ['matches/meadow/frame'] }))
  await subscribed

  /** Publishes a frame. Resolves when the fast client has it. */
  const step = async () => {
    game.step()
    const { received } = fast.meter.report()
    await vi.waitFor(() => expect(fast.meter.report().received).toBeGreaterThan(received), { interval: 1 })
  }
  await vi.waitFor(() => {
    game.step()
    expect(fast.frame).toBeDefined()
  })
  slow.pause()
  // 24 MB: more than the kernel buffers for a connection.
  for (let count = 0; count < 3000; count += 1) await step()
  const sent = fast.frame!.tick
  expect(fast.meter.report()).toMatchObject({ missing: 0, outOfOrder: 0 })

  slow.resume()
  await vi.waitFor(() => {
    game.step()
    expect(ticks.at(-1)).toBeGreaterThan(sent)
  })
  expect(ticks.length).toBeLessThan(sent)
  expect(ticks).toEqual(ticks.toSorted((one, other) => one - other))
  expect(slow.readyState).toBe(WebSocket.OPEN)
})

it('the meter of the game example counts what is missing, and measures the jitter', () => {
  const meter = new TickMeter()
  for (const [tick, at] of [
    [5, 0],
    [6, 10],
    [8, 30],
    [7, 40],
    [11, 60],
  ] as const) {
    meter.count(tick, at)
  }
  const report = meter.report()
  expect(report).toMatchObject({ received: 5, missing: 3, outOfOrder: 1 })
  expect(report.perSecond).toBeCloseTo(66.7, 1)
  expect(report.jitterMs).toBeCloseTo(5, 5)
})
