import { BURSTS } from './measure.mjs'
import { groupBy, median, spread } from './stats.mjs'
import { targets } from './targets.mjs'

/**
 * @typedef {object} Row
 * @property {number} connections
 * @property {number} burst
 * @property {string} target
 * @property {number} micros
 * @property {number} rate
 * @property {{ median: number, low: number, high: number } | undefined} ratio
 * @property {number | undefined} goal
 * @property {number} bytes
 */

/**
 * Medians, and medians of the ratios within each round.
 *
 * @param {number} connections @param {Awaited<ReturnType<typeof import('./measure.mjs').measure>>} measured
 * @returns {Row[]}
 */
export const rowsOf = (connections, { samples, memory }) =>
  BURSTS.flatMap((burst) => {
    const byTarget = groupBy(
      samples.filter((sample) => sample.burst === burst),
      ({ target }) => target,
    )
    return [...byTarget].map(([target, own]) => {
      const base = new Map(
        byTarget.get(targets[target]?.base ?? '')?.map(({ round, micros }) => [round, micros]),
      )
      const ratios = own.map(({ round, micros }) => micros / (base.get(round) ?? Number.NaN))
      return {
        connections,
        burst,
        target,
        micros: median(own.map(({ micros }) => micros)),
        rate: median(own.map(({ rate }) => rate)),
        ratio: base.size > 0 ? spread(ratios) : undefined,
        goal: targets[target]?.goals?.[burst],
        bytes: median(memory.filter((other) => other.target === target).map(({ bytes }) => bytes)),
      }
    })
  })

/** @param {number} number */
const whole = (number) => Math.round(number).toLocaleString('en')

/** @param {Row} row */
const cells = ({ connections, burst, target, micros, rate, ratio, goal, bytes }) => [
  whole(connections),
  String(burst),
  targets[target]?.title ?? target,
  micros.toFixed(2),
  whole(rate),
  ratio ? `${ratio.median.toFixed(3)} (${ratio.low.toFixed(3)}-${ratio.high.toFixed(3)})` : '',
  targets[targets[target]?.base ?? '']?.title ?? '',
  goal && ratio ? `${goal} ${ratio.median <= goal ? 'met' : 'missed'}` : '',
  (bytes / 1024).toFixed(1),
]

const HEAD = ['conns', 'burst', 'server', 'µs/delivery', 'deliveries/s', 'ratio', 'to', 'goal', 'KiB/conn']
const LEFT = 2

/** @param {readonly Row[]} rows */
export const tableOf = (rows) => {
  const lines = [HEAD, ...rows.map(cells)]
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column === LEFT ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  '),
    )
    .join('\n')
}
