import { parseArgs } from 'node:util'

export const USAGE = `npm run soak -- [options]

  --minutes 10   how long faults happen; checks and the end take up to a minute more. @default 10
  --seed 7       of the random choices, from 0 to 2,147,483,647; a run prints its seed. Timing depends on the machine
`

const MAX_MINUTES = 7 * 24 * 60
const MAX_SEED = 2 ** 31 - 1

export interface SoakOptions {
  readonly minutes: number
  readonly seed: number
}

/** @throws TypeError that says what is wrong */
export const readOptions = (args: readonly string[]): SoakOptions => {
  const { values } = parseArgs({
    args: [...args],
    options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
  })
  const minutes = Number(values.minutes)
  if (values.minutes.trim() === '' || !(minutes > 0 && minutes <= MAX_MINUTES)) {
    throw new TypeError(`--minutes takes a number above 0, at most ${MAX_MINUTES}, not '${values.minutes}'`)
  }
  if (values.seed === undefined) return { minutes, seed: Math.floor(Math.random() * MAX_SEED) }
  const seed = Number(values.seed)
  if (!/^\d+$/.test(values.seed) || seed > MAX_SEED) {
    throw new TypeError(`--seed takes a whole number from 0 to ${MAX_SEED}, not '${values.seed}'`)
  }
  return { minutes, seed }
}
