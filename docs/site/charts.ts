// Draws the charts of docs/benchmarks.md into docs/images (`npm run docs:charts`), from the figures in docs/benchmarks.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Chart, charts } from './chart-list.ts'

/** Sizes in pixels of the drawing. */
const WIDTH = 760
const MARGIN = 20
const LABEL_WIDTH = 190
const VALUE_WIDTH = 80
const BAR_HEIGHT = 20
const ROW_HEIGHT = 26
const GROUP_HEIGHT = 36
const HEAD_HEIGHT = 62

const BAR_X = MARGIN + LABEL_WIDTH
const BAR_WIDTH = WIDTH - BAR_X - VALUE_WIDTH - MARGIN

const STYLE = `
  text { font: 14px system-ui, sans-serif; fill: #3c3c43 }
  .title { font-weight: 600; font-size: 16px }
  .note { fill: #67676c }
  .group { font-weight: 600 }
  .background { fill: #ffffff; stroke: #d8d8dc }
  .bar { fill: #a5abb5 }
  .own { fill: #0f6b62 }
  @media (prefers-color-scheme: dark) {
    text { fill: #dfdfd6 }
    .note { fill: #98989f }
    .background { fill: #1b1b1f; stroke: #3c3f44 }
    .bar { fill: #6b7280 }
    .own { fill: #3fb5a6 }
  }
`

const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const textAt = (x: number, y: number, text: string, attributes = ''): string =>
  `<text x="${x}" y="${y}"${attributes && ` ${attributes}`}>${escapeText(text)}</text>`

const numberText = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 2 })

/** The chart in words, with all figures. */
export const altOf = ({ title, unit, better, groups }: Chart): string => {
  const parts = groups.map(
    ({ label, bars }) => `${label}: ${bars.map((bar) => `${bar.label} ${numberText(bar.value)}`).join(', ')}`,
  )
  return `${title}, ${unit}, ${better} is better. ${parts.join('; ')}.`
}

/** Draws a chart as an SVG, with light and dark colors. All groups have one scale, which begins at 0. */
export const svgOf = (chart: Chart): string => {
  const { title, unit, better, groups } = chart
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)))
  const lines: string[] = []
  let y = HEAD_HEIGHT
  for (const { label, bars } of groups) {
    lines.push(textAt(MARGIN, y + 22, label, 'class="group"'))
    y += GROUP_HEIGHT
    for (const { label: name, value } of bars) {
      const width = Math.max(1, Math.round((value / most) * BAR_WIDTH))
      const kind = name.startsWith('Rookery') ? 'bar own' : 'bar'
      lines.push(
        textAt(MARGIN, y + 15, name),
        `<rect class="${kind}" x="${BAR_X}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`,
        textAt(BAR_X + width + 8, y + 15, numberText(value)),
      )
      y += ROW_HEIGHT
    }
  }
  const height = y + MARGIN
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escapeText(altOf(chart))}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="background" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    textAt(MARGIN, 30, title, 'class="title"'),
    textAt(MARGIN, 50, `${unit}, ${better} is better`, 'class="note"'),
    ...lines,
    '</svg>\n',
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = new URL('../images/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  for (const chart of charts()) writeFileSync(new URL(`${chart.name}.svg`, folder), svgOf(chart))
}
