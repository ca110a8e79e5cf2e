import { describe, expect, it, onTestFinished } from 'vitest'
import { Soak } from '../soak/soak.ts'

/** Seed of the random choices. Timing depends on the machine. */
const SEED = Number(process.env.SEED ?? Date.now() % 1e9)

describe('three nodes with clients of all transports, while nodes and NATS fail', () => {
  it(`agree in the end, deliver nothing twice, and leave nothing (seed ${SEED})`, {
    timeout: 400_000,
  }, async () => {
    const lines: string[] = []
    const soak = await Soak.start(SEED, (line) => lines.push(line))
    onTestFinished(() => soak.stop())
    await soak.round(['cut', 'kill'])
    await soak.round(['nats', 'stop'])
    await soak.finish()
    expect(soak.violations.texts, [`SEED=${SEED}`, ...lines, ...soak.summary].join('\n')).toEqual([])
  })
})
