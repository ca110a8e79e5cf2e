import { tableOf } from './cluster/report.mjs'

/**
 * A part of a benchmark: its title, and a function that measures it.
 *
 * @typedef {{ title: string, measure: (quick: boolean) => Promise<import('./cluster/rounds.mjs').Row[]> }} Part
 */

/**
 * Measures some parts, one after the other.
 *
 * @param {Readonly<Record<string, Part>>} parts by name
 * @param {readonly string[]} names of the parts to measure @param {boolean} quick
 */
export const measureParts = async (parts, names, quick) => {
  const measured = []
  for (const name of names) {
    const { title, measure } = /** @type {Part} */ (parts[name])
    console.error(`${name} ...`)
    const rows = await measure(quick)
    // Prints each part at once, because a part takes minutes and the next one may fail.
    console.error(`\n${title}\n\n${tableOf(rows)}\n`)
    measured.push({ name, title, rows })
  }
  return measured
}

/** @param {Awaited<ReturnType<typeof measureParts>>} measured */
export const textOf = (measured) =>
  measured.map(({ title, rows }) => `${title}\n\n${tableOf(rows)}`).join('\n\n')
