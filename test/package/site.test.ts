import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { charts } from '../../docs/site/chart-list.ts'
import { altOf, svgOf } from '../../docs/site/charts.ts'
import { llmsFull, llmsIndex } from '../../docs/site/llms.ts'
import { pageNames, readIndex, sidebarErrors } from '../../docs/site/pages.ts'
import { sidebar } from '../../docs/site/sidebar.ts'
import { tablesOf } from '../../docs/site/tables.ts'
import { ROOT, read } from './sources.ts'

const benchmarks = read('docs/benchmarks.md')

describe('the sidebar of the documentation', () => {
  it('has every page once, and nothing else', () => {
    expect(pageNames().length).toBeGreaterThan(20)
    expect(sidebarErrors()).toEqual([])
  })

  it('has the groups and the order of docs/README.md', () => {
    const index = readIndex().map(({ text, pages }) => ({ text, pages: pages.map(({ name }) => name) }))
    expect(index).toEqual(sidebar)
  })
})

describe('the charts of the benchmarks', () => {
  const drawn = charts()

  it.each(readdirSync(`${ROOT}docs/benchmarks`))('have the figures of the page: %s', (file) => {
    expect(tablesOf(benchmarks)).toContainEqual(JSON.parse(read(`docs/benchmarks/${file}`)))
  })

  it.each(drawn)('are drawn from the figures: $name (npm run docs:charts draws them)', (chart) => {
    expect(read(`docs/images/${chart.name}.svg`)).toBe(svgOf(chart))
  })

  it.each(drawn)('are on the page, with all figures in words: $name', (chart) => {
    expect(benchmarks).toContain(`![${altOf(chart)}](images/${chart.name}.svg)`)
  })

  it('are all in use', () => {
    const charts = readdirSync(`${ROOT}docs/images`).filter((name) => name.endsWith('.svg'))
    expect(charts.sort()).toEqual(drawn.map(({ name }) => `${name}.svg`).sort())
  })
})

describe('a table in Markdown', () => {
  it('has numbers and text, and leaves out empty cells', () => {
    const table =
      '| | messages/s | ratio |\n| --- | --: | --: |\n| a, b | 1,234.5 | |\n| c | 7 | 0.5 (0.4-0.6) |\n'
    expect(tablesOf(`text\n\n${table}\ntext\n`)).toEqual([
      [
        { variant: 'a, b', 'messages/s': 1234.5 },
        { variant: 'c', 'messages/s': 7, ratio: '0.5 (0.4-0.6)' },
      ],
    ])
  })
})

describe('llms.txt', () => {
  it('links to every page, with the question that the page answers', () => {
    const links = [...llmsIndex().matchAll(/^- \[.+\]\(([\w-]+)\.md\): .+$/gm)].map(([, name]) => name)
    expect(links).toEqual(sidebar.flatMap(({ pages }) => pages))
  })

  it('has a version with the text of every page', () => {
    const full = llmsFull()
    for (const name of pageNames()) expect(full).toContain(read(`docs/${name}.md`))
  })
})
