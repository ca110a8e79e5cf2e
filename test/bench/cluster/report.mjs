/** @typedef {import('./rounds.mjs').Row} Row */

/** @param {number} number */
const figure = (number) => {
  if (Math.abs(number) >= 1000) return Math.round(number).toLocaleString('en')
  return Math.abs(number) >= 100 ? number.toFixed(0) : number.toFixed(2)
}

/** @param {readonly (readonly string[])[]} lines the first is the head */
const markdown = (lines) => {
  const [head = [], ...rows] = lines
  const rule = head.map((_, column) => (column === 0 ? '---' : '--:'))
  const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => line[column]?.length ?? 0)))
  return [head, rule, ...rows]
    .map(
      (line) =>
        `| ${line.map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0))).join(' | ')} |`,
    )
    .join('\n')
}

/** @param {readonly Row[]} rows @param {number} [digits] of a ratio */
export const tableOf = (rows, digits = 2) => {
  const titles = Object.keys(rows[0]?.figures ?? {})
  const compared = rows.some(({ ratio }) => ratio)
  const head = ['', ...titles, ...(compared ? ['ratio (quartiles)', 'to', 'goal'] : [])]
  const lines = rows.map(({ name, figures, base = '', ratio, goal, met }) => {
    const cells = [name, ...titles.map((title) => figure(figures[title] ?? Number.NaN))]
    if (!compared) return cells
    const spread =
      ratio && `${ratio.median.toFixed(digits)} (${ratio.low.toFixed(digits)}-${ratio.high.toFixed(digits)})`
    return [...cells, spread ?? '', base, goal === undefined ? '' : `${goal} ${met ? 'met' : 'missed'}`]
  })
  return markdown([head, ...lines])
}
