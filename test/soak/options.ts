import { parseArgs } from 'node:util'

export const USAGE = `npm run soak -- [options]

  --history      only clients of kept messages, which must get all of them, while nodes and NATS fail
  --restart      a rolling restart of nodes with many clients of kept messages
  --minutes 10   how long faults happen; checks and the end take up to a minute more. @default 10. Not with --restart
  --clients 500  with --history and --restart. @default 500, 5,000 with --restart
  --rate 60      messages in a second, with --history and --restart. @default 60, 3 with --restart
  --seed 7       of the random choices, from 0 to 2,147,483,647; a run prints its seed. Timing depends on the machine
`

const MAX_MINUTES = 7 * 24 * 60
const MAX_SEED = 2 ** 31 - 1
/** The balancer takes up to four file descriptors for each client while all of them come back. */
const MAX_CLIENTS = 5_000
const MAX_RATE = 1_000

export interface SoakOptions {
  readonly what: 'all' | 'history' | 'restart'
  readonly minutes: number
  readonly seed: number
  readonly clients: number
  /** Messages in a second. */
  readonly rate: number
}

/** @throws TypeError that says what is wrong */
export const readOptions = (args: readonly string[]): SoakOptions => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      history: { type: 'boolean' },
      restart: { type: 'boolean' },
      minutes: { type: 'string', default: '10' },
      clients: { type: 'string' },
      rate: { type: 'string' },
      seed: { type: 'string' },
    },
  })
  const minutes = Number(values.minutes)
  if (values.minutes.trim() === '' || !(minutes > 0 && minutes <= MAX_MINUTES)) {
    throw new TypeError(`--minutes takes a number above 0, at most ${MAX_MINUTES}, not '${values.minutes}'`)
  }
  const what = values.restart ? 'restart' : values.history ? 'history' : 'all'
  return {
    what,
    minutes,
    clients: readInteger('clients', values.clients, 1, MAX_CLIENTS) ?? (what === 'restart' ? 5_000 : 500),
    rate: readInteger('rate', values.rate, 1, MAX_RATE) ?? (what === 'restart' ? 3 : 60),
    seed: readInteger('seed', values.seed, 0, MAX_SEED) ?? Math.floor(Math.random() * MAX_SEED),
  }
}

const readInteger = (
  name: string,
  text: string | undefined,
  least: number,
  most: number,
): number | undefined => {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new TypeError(`--${name} takes a whole number from ${least} to ${most}, not '${text}'`)
  }
  return value
}
