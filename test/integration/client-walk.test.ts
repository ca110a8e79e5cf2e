import { describe, expect, it } from 'vitest'
import { ClientWalk } from '../support/client-walk.ts'

/** Seed of the random choices. Timing depends on the machine. */
const SEED = Number(process.env.SEED ?? Date.now() % 1e9)

const WALKS = Number(process.env.WALKS ?? 3)
const STEPS = 300

describe('a client on a random walk through faults of the network', () => {
  it.each(Array.from({ length: WALKS }, (_, walk) => SEED + walk))(
    'loses, doubles and reorders nothing, and leaves nothing after close() (seed %i)',
    async (seed) => {
      const walk = await ClientWalk.start(seed)
      await walk.walk(STEPS)
      await walk.settle()
      expect([...walk.transports].sort()).toEqual(['sse', 'websocket'])
      expect(walk.closes).toBeGreaterThan(0)
      expect(walk.violations, `SEED=${seed}`).toEqual([])
      await walk.close()
      expect(walk.violations, `SEED=${seed}`).toEqual([])
    },
  )
})
