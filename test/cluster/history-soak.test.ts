import { expect, it, onTestFinished } from 'vitest'
import { verifies } from '../requirements.ts'
import { HistorySoak } from '../soak/history/history-soak.ts'

/** Seed of the random choices. Timing depends on the machine. */
const SEED = Number(process.env.SEED ?? Date.now() % 1e9)

it(`clients get all kept messages once and in order while connections, nodes and NATS fail (seed ${SEED})`, {
  timeout: 300_000,
}, async () => {
  verifies('delivery.history.one-order')
  const lines: string[] = []
  const soak = await HistorySoak.start({
    seed: SEED,
    clients: 24,
    rate: 90,
    lifetime: 4,
    spread: 500,
    print: (line) => lines.push(line),
  })
  onTestFinished(() => soak.stop())
  soak.cuts.start(1_000, 300)
  for (const fault of ['kill', 'nats', 'stop'] as const) {
    for (const how of ['earliest', 'cursor', 'cursor'] as const) soak.reload(how)
    await soak.cause(fault)
  }
  await soak.finish()
  expect(soak.violations.texts, [`SEED=${SEED}`, ...lines, ...soak.summary].join('\n')).toEqual([])
})
