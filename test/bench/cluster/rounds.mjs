import { median, quantile, spread } from '../stats.mjs'

/**
 * Figures of one way in one round; the first of them is what ways are compared by.
 *
 * @typedef {Readonly<Record<string, number>>} Figures
 * @typedef {{ base: string, goal?: number, least?: boolean }} Comparison `least`: the goal is a least, not a most
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
 * Has ways take turns, round by round, in an order that shifts, and compares them.
 *
 * @template {{ name: string }} W
 * @param {readonly W[]} ways @param {number} rounds
 * @param {(way: W) => Promise<Figures>} measure
 * @param {Readonly<Record<string, Comparison>>} comparisons by name
 * @returns {Promise<Row[]>}
 */
export const compare = async (ways, rounds, measure, comparisons) => {
  /** @type {Map<string, Figures[]>} */
  const taken = new Map(ways.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < ways.length; turn++) {
      const way = /** @type {W} */ (ways[(turn + round) % ways.length])
      taken.get(way.name)?.push(await measure(way))
    }
  }
  return ways.map(({ name }) => ({ name, ...summary(taken, name, comparisons[name]) }))
}

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
