/** A row of a table, by the heads of its columns. A cell is a number if it looks like one. Empty cells are left out. */
export type Row = Readonly<Record<string, number | string>>

/** The head of a first column that has none. */
const NAMELESS = 'variant'

const cellsOf = (line: string): string[] =>
  line
    .slice(1, line.lastIndexOf('|'))
    .split('|')
    .map((cell) => cell.trim())

const parseCell = (text: string): number | string =>
  /^\d[\d,]*(\.\d+)?$/.test(text) ? Number(text.replaceAll(',', '')) : text

/** The tables of a page in Markdown, in order. */
export const tablesOf = (markdown: string): Row[][] =>
  [...markdown.matchAll(/(?:^\|.*\n)+/gm)].map(([table]) => {
    const [head = '', , ...rows] = table.trimEnd().split('\n')
    const columns = cellsOf(head).map((name) => name || NAMELESS)
    return rows.map((row) => {
      const cells = cellsOf(row).map((text, at) => [columns[at] as string, parseCell(text)] as const)
      return Object.fromEntries(cells.filter(([, value]) => value !== ''))
    })
  })
