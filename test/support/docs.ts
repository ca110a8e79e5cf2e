import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** A fenced code block of a page. */
export interface Block {
  /** Path of the page from the root of the repository. */
  readonly page: string
  /** Line of the opening fence, from 1. */
  readonly line: number
  readonly language: string
  /** The text after the language: the name of a file, or `no-check`. */
  readonly name: string
  readonly code: string
}

interface Link {
  readonly page: string
  readonly line: number
  readonly target: string
}

interface Page {
  readonly path: string
  readonly blocks: readonly Block[]
  readonly links: readonly Link[]
  /** Inline code, such as `not_in_room`, with its line. */
  readonly terms: readonly { readonly text: string; readonly line: number }[]
  /** Anchors to which a link with `#…` may point. */
  readonly anchors: ReadonlySet<string>
}

/** The anchor that GitHub creates for a heading. */
const slug = (heading: string): string =>
  heading
    .replaceAll('`', '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-')

const readPage = (path: string): Page => {
  const blocks: Block[] = []
  const links: Link[] = []
  const terms: { text: string; line: number }[] = []
  const anchors = new Set<string>()
  let open: { line: number; language: string; name: string; code: string[] } | undefined
  for (const [index, text] of readFileSync(join(ROOT, path), 'utf8').split('\n').entries()) {
    const line = index + 1
    const fence = /^```(\S*)\s*(.*)$/.exec(text)
    if (open) {
      if (!fence) open.code.push(text)
      else {
        blocks.push({ ...open, page: path, code: `${open.code.join('\n')}\n` })
        open = undefined
      }
    } else if (fence) {
      open = { line, language: fence[1] ?? '', name: fence[2]?.trim() ?? '', code: [] }
    } else {
      const heading = /^#{1,6}\s+(.*)$/.exec(text)?.[1]
      if (heading !== undefined) {
        const plain = slug(heading)
        let anchor = plain
        for (let count = 1; anchors.has(anchor); count++) anchor = `${plain}-${count}`
        anchors.add(anchor)
      }
      const prose = text.replaceAll(/`([^`]+)`/g, (_all, code: string) => {
        terms.push({ text: code, line })
        return '``'
      })
      for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g))
        links.push({ page: path, line, target })
    }
  }
  if (open) throw new Error(`${path}:${open.line}: this block is not closed`)
  return { path, blocks, links, terms, anchors }
}

/** The README and every page of the documentation. */
export const readPages = (): Page[] => [
  ...(existsSync(join(ROOT, 'README.md')) ? [readPage('README.md')] : []),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => readPage(`docs/${name}`)),
]

/** Errors in the links between the pages. */
export const brokenLinks = (pages: readonly Page[]): string[] => {
  const byPath = new Map(pages.map((page) => [page.path, page]))
  const broken: string[] = []
  for (const { page, line, target } of pages.flatMap(({ links }) => links)) {
    if (/^[a-z]+:/i.test(target)) continue
    const [file = '', anchor] = target.split('#')
    const path = file === '' ? page : relative(ROOT, join(ROOT, dirname(page), file))
    const known = anchor === undefined || byPath.get(path)?.anchors.has(anchor)
    if (!existsSync(join(ROOT, path)) || !known) broken.push(`${page}:${line}: ${target}`)
  }
  return broken
}
