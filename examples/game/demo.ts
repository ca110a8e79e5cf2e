import { ok } from 'node:assert'
import type { Input } from './contract.ts'
import { Player } from './player.ts'
import { startServer, TICK_RATE } from './server.ts'

const MATCHES = ['meadow', 'harbour']
const PLAYERS = 8
const SECONDS = 3

/** Right, down, left, up: each player runs in a square. */
const DIRECTIONS: readonly Input[] = [
  { dx: 1, dy: 0 },
  { dx: 0, dy: 1 },
  { dx: -1, dy: 0 },
  { dx: 0, dy: -1 },
]

const server = await startServer(0)
console.log(`${PLAYERS} players in ${MATCHES.length} matches at ${server.url}, for ${SECONDS} s`)

/** Plays until `SECONDS` have passed in the game. */
const play = (number: number): Promise<Player> =>
  new Promise((resolve) => {
    let end = Number.POSITIVE_INFINITY
    const player = new Player(server.url, MATCHES[number % MATCHES.length]!, ({ tick }) => {
      end = Math.min(end, tick + SECONDS * TICK_RATE)
      if (tick % 10 === 0) player.steer(DIRECTIONS[(tick / 10 + number) % DIRECTIONS.length]!)
      if (tick >= end) resolve(player)
    })
  })

const players = await Promise.all(Array.from({ length: PLAYERS }, (_, number) => play(number)))

const reports = players.map(({ id, meter }) => ({ id, ...meter.report() }))
for (const { id, received, missing, perSecond, jitterMs } of reports) {
  const speed = `${perSecond.toFixed(1)} ticks/s, jitter ${jitterMs.toFixed(1)} ms`
  console.log(`${id}: ${received} ticks, ${missing} missing, ${speed}`)
}
for (const player of players) player.close()
await server.stop()

for (const { id, received, missing, outOfOrder } of reports) {
  ok(outOfOrder === 0, `${id} got ${outOfOrder} ticks out of order`)
  ok(received >= 0.95 * (received + missing), `${id} got only ${received} of ${received + missing} ticks`)
}
console.log('Each player has at least 95 % of the ticks, in order')
