import { median, quantile, spread } from '../stats.mjs'

/**
 * Figures of one way in one round. Ways are compared by the first figure.
 *
 * @typedef {Readonly<Record<string, number>>} Figures
 * @typedef {{ base: string, goal?: number, least?: boolean }} Comparison `least`: the goal is a minimum instead of a maximum
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {Figures} figures medians of the rounds
 * @property {string} [base]
 * @property {{ median: number, low: number, high: number }} [ratio] of the first figure, within each round
 * @property {number} [goal]
 * @property {boolean} [met]
 */

/** @param {readonly number[]} times in microseconds @returns {Figures} */
export const timesOf = (times) => ({ 'p50 µs': quantile(times, 0.5), 'p99 µs': quantile(times, 0.99) })

/**
 * Measures the ways in turn, round by round. The order shifts from round to round.
 *
 * @template {{ name: string }} W
 * @param {readonly W[]} ways @param {number} rounds
 * @param {(way: W) => Promise<Figures>} measure
 * @param {Map<string, Figures[]>} [taken] figures of earlier rounds by name, to which the new ones are added
 */
export const takeTurns = async (ways, rounds, measure, taken = new Map()) => {
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < ways.length; turn++) {
      const way = /** @type {W} */ (ways[(turn + round) % ways.length])
      const figures = await measure(way)
      const own = taken.get(way.name)
      if (own) own.push(figures)
      else taken.set(way.name, [figures])
    }
  }
  return taken
}

/**
 * Medians of the figures, and comparisons of ways within each round.
 *
 * @param {readonly { name: string }[]} ways
 * @param {Map<string, Figures[]>} taken by name
 * @param {Readonly<Record<string, Comparison>>} comparisons by name
 * @returns {Row[]}
 */
export const rowsOf = (ways, taken, comparisons) =>
  ways.map(({ name }) => ({ name, ...summary(taken, name, comparisons[name]) }))

/**
 * Measures the ways in turn and compares them.
 *
 * @template {{ name: string }} W
 * @param {readonly W[]} ways @param {number} rounds
 * @param {(way: W) => Promise<Figures>} measure
 * @param {Readonly<Record<string, Comparison>>} comparisons by name
 */
export const compare = async (ways, rounds, measure, comparisons) =>
  rowsOf(ways, await takeTurns(ways, rounds, measure), comparisons)

const first = (/** @type {Figures} */ figures) => Object.values(figures)[0] ?? Number.NaN

/** @param {Map<string, Figures[]>} taken @param {string} name @param {Comparison | undefined} comparison */
const summary = (taken, name, comparison) => {
  const own = taken.get(name) ?? []
  const titles = Object.keys(own[0] ?? {})
  const figures = Object.fromEntries(
    titles.map((title) => [title, median(own.map((one) => one[title] ?? Number.NaN))]),
  )
  if (!comparison) return { figures }
  const { base, goal, least = false } = comparison
  const bases = taken.get(base) ?? []
  const ratio = spread(own.map((one, round) => first(one) / first(bases[round] ?? {})))
  if (goal === undefined) return { figures, base, ratio }
  return { figures, base, ratio, goal, met: least ? ratio.median >= goal : ratio.median <= goal }
}
