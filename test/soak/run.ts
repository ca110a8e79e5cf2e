import { createRandom, type Random } from '../../plugins/testing/random.ts'
import { endlessOrder } from './endless-order.ts'
import { FAULTS, type FaultName } from './faults.ts'
import { runHistory, runRestart } from './history/run-history.ts'
import { readOptions, type SoakOptions, USAGE } from './options.ts'
import { Soak } from './soak.ts'

const start = Date.now()

const print = (line: string): void => {
  const seconds = Math.floor((Date.now() - start) / 1000)
  console.log(
    `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, '0')}  ${line}`,
  )
}

/** Each round has one to three faults. */
const createRounds = (random: Random): (() => FaultName[]) => {
  const next = endlessOrder(FAULTS, random)
  return () => Array.from({ length: 1 + random.below(3) }, next)
}

const runAll = async ({ minutes, seed }: SoakOptions): Promise<boolean> => {
  print(`seed ${seed}, ${minutes} minutes`)
  const soak = await Soak.start(seed, print)
  const end = Date.now() + minutes * 60_000
  print('three nodes run, and clients connect')
  process.once('SIGINT', () => void soak.stop().finally(() => process.exit(130)))
  try {
    const nextRound = createRounds(createRandom(seed, 'rounds'))
    for (let round = 1; Date.now() < end; round++) {
      const faults = nextRound()
      print(`round ${round}: ${faults.join(', ')}`)
      await soak.round(faults)
      print(`round ${round} is over: ${soak.violations.total} violations so far`)
    }
    await soak.finish()
  } finally {
    await soak.stop()
  }
  for (const line of soak.summary) print(line)
  return soak.violations.total === 0
}

let options: SoakOptions | undefined
try {
  options = readOptions(process.argv.slice(2))
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`)
  process.exitCode = 2
}
if (options) {
  const run = { all: runAll, history: runHistory, restart: runRestart }[options.what]
  const isRight = await run(options, print).catch((error: unknown) => {
    console.error(error)
    return false
  })
  if (!isRight) print(`Failed. Repeat with --seed ${options.seed}`)
  process.exitCode = isRight ? 0 : 1
}
