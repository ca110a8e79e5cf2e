import { createRandom } from '../../../plugins/testing/random.ts'
import { endlessOrder } from '../endless-order.ts'
import { HISTORY_FAULTS, HistorySoak } from './history-soak.ts'

export interface HistoryRunOptions {
  readonly seed: number
  readonly minutes: number
  readonly clients: number
  /** Messages that are published in a second. */
  readonly rate: number
}

type Print = (line: string) => void

/** Mean time between two cuts of a client, and mean time that it is away, in milliseconds. */
const CUT_EVERY_MS = 15_000
const AWAY_MS = 2_000
/** Longest time between two faults, in milliseconds. */
const FAULT_PAUSE_MS = 6_000
/** Clients of 100 that are replaced with each fault and go on from their cursors. One more reads the whole stream. */
const RELOADS = 2
const TOKEN_LIFETIME_S = 30
const SPREAD_MS = 2_000
/** Lifetime of the tokens in a rolling restart of many clients. */
const RESTART_LIFETIME_S = 600
/** One machine runs all clients, nodes and the balancer: it can open about so many sessions in a second. */
const RESTART_RATE = 250
/** Largest part of the reconnects in one of ten parts of that time: twice as many as when they are spread evenly. */
const MAX_PART = 0.2
/** Largest part of the reconnects that come later than so many parts after that time. */
const MAX_LATE = 0.02
const LATE_PARTS = 3

/** Faults in a random order, until the time is over. Returns whether everything was right. */
export const runHistory = async (options: HistoryRunOptions, print: Print): Promise<boolean> => {
  const { minutes, seed, clients, rate } = options
  print(`history: seed ${seed}, ${minutes} minutes, ${clients} clients, ${rate} messages a second`)
  const settings = { seed, clients, rate, lifetime: TOKEN_LIFETIME_S, spread: SPREAD_MS, print }
  return await withSoak(await HistorySoak.start(settings), print, async (soak) => {
    const end = Date.now() + minutes * 60_000
    print('all clients are connected')
    soak.cuts.start(CUT_EVERY_MS, AWAY_MS)
    const nextFault = endlessOrder(HISTORY_FAULTS, createRandom(seed, 'faults'))
    while (Date.now() < end) {
      await soak.pause(FAULT_PAUSE_MS)
      for (let left = Math.ceil((clients * RELOADS) / 100); left > 0; left--) soak.reload('cursor')
      soak.reload('earliest')
      await soak.cause(nextFault())
    }
  })
}

/** Replaces all nodes one after the other. Returns whether everything was right. */
export const runRestart = async (options: HistoryRunOptions, print: Print): Promise<boolean> => {
  const { seed, clients, rate } = options
  print(`rolling restart: seed ${seed}, ${clients} clients, ${rate} messages a second`)
  const spread = Math.ceil((1000 * clients) / RESTART_RATE)
  const settings = { seed, clients, rate, lifetime: RESTART_LIFETIME_S, spread, print }
  return await withSoak(await HistorySoak.start(settings), print, async (soak) => {
    print('all clients are connected')
    for (const node of [...soak.cluster.nodes]) {
      const start = await soak.replace(node)
      await soak.clients.untilCurrent()
      const parts = soak.reconnectsSince(start, spread / 10)
      print(`${node} is replaced; reconnects in each ${spread / 10_000} s: ${parts.join(' ')}`)
      const total = parts.reduce((sum, count) => sum + count, 0)
      const late = parts.slice(10 + LATE_PARTS).reduce((sum, count) => sum + count, 0)
      const highest = Math.max(...parts)
      if (late / total > MAX_LATE) soak.violations.add('spread', `${late} of ${total} reconnects came late`)
      if (highest / total > MAX_PART) soak.violations.add('spread', `${highest} of ${total} in one part`)
    }
  })
}

const withSoak = async (
  soak: HistorySoak,
  print: Print,
  act: (soak: HistorySoak) => Promise<void>,
): Promise<boolean> => {
  process.once('SIGINT', () => void soak.stop().finally(() => process.exit(130)))
  try {
    await act(soak)
    print('the faults are over')
    await soak.finish()
    soak.checkReplayTimes()
  } finally {
    await soak.stop()
  }
  for (const line of soak.summary) print(line)
  return soak.violations.total === 0
}
