import { readdirSync, readFileSync } from 'node:fs'
import { sidebar } from './sidebar.ts'

const DOCS = new URL('../', import.meta.url)

/** The index of the pages on GitHub. */
const INDEX = 'README'

/** A page of `docs/`, named by its file without `.md`. */
export interface Page {
  readonly name: string
  /** The first heading. */
  readonly title: string
  readonly text: string
}

export const readPage = (name: string): Page => {
  const text = readFileSync(new URL(`${name}.md`, DOCS), 'utf8')
  return { name, title: /^# (.+)$/m.exec(text)?.[1] ?? name, text }
}

/** Names of the pages in `docs/`, without the index. */
export const pageNames = (): string[] =>
  readdirSync(DOCS)
    .filter((file) => file.endsWith('.md'))
    .map((file) => file.slice(0, -'.md'.length))
    .filter((name) => name !== INDEX)

/** A group of the index, with its pages in order. */
export interface IndexGroup {
  readonly text: string
  readonly pages: readonly { readonly name: string; readonly question: string }[]
}

/** The groups of `docs/README.md`. Each row of its tables links to a page and says which question the page answers. */
export const readIndex = (): IndexGroup[] =>
  readPage(INDEX)
    .text.split(/^## /m)
    .slice(1)
    .map((section) => ({
      text: section.slice(0, section.indexOf('\n')),
      pages: [...section.matchAll(/^\| \[.*?\]\((\S+)\.md\) *\| (.*?) *\|$/gm)].map(
        ([, name = '', question = '']) => ({ name, question }),
      ),
    }))

/** Differences between the files in `docs/` and the sidebar. */
export const sidebarErrors = (): string[] => {
  const listed = sidebar.flatMap(({ pages }) => pages)
  const names = pageNames()
  return [
    ...listed.filter((name) => !names.includes(name)).map((name) => `docs/${name}.md does not exist`),
    ...names.filter((name) => !listed.includes(name)).map((name) => `docs/${name}.md is not in the sidebar`),
    ...listed.filter((name, at) => listed.indexOf(name) !== at).map((name) => `${name} is there twice`),
  ]
}
