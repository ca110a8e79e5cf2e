import { describe, expect, it } from 'vitest'
import { NO_PROMISES, REQUIREMENTS, UNVERIFIED, verifies } from '../requirements.ts'
import { read, sourcesOf } from './sources.ts'

const ids: readonly string[] = REQUIREMENTS.map(({ id }) => id)
const pages = [...new Set(REQUIREMENTS.map(({ page }) => page))]

interface ListItem {
  /** The heading of level two above it. */
  readonly heading: string
  readonly text: string
}

/** The list items of a page. A line that is indented continues the item above it. */
const listItemsOf = (markdown: string): ListItem[] => {
  const items: ListItem[] = []
  let [heading, inBlock, inItem] = ['', false, false]
  for (const line of markdown.split('\n')) {
    if (line.startsWith('```')) inBlock = !inBlock
    if (inBlock) continue
    heading = /^## (.*)$/.exec(line)?.[1] ?? heading
    const text = /^\s*(?:[-*+]|\d+\.) (.*)$/.exec(line)?.[1]
    if (text !== undefined) items.push({ heading, text })
    else if (inItem && /^\s+\S/.test(line)) {
      const { text: begin } = items.pop() as ListItem
      items.push({ heading, text: `${begin} ${line.trim()}` })
    }
    inItem = text !== undefined || (inItem && /^\s+\S/.test(line))
  }
  return items
}

const promisesOf = (page: string): string[] =>
  listItemsOf(read(page))
    .filter(
      ({ heading }) => !NO_PROMISES.some((section) => section.page === page && section.heading === heading),
    )
    .map(({ text }) => text)

/** Ids in the calls of `verifies` of a source text: calls that begin a line, outside of comments. */
const verifiedIn = (source: string): string[] =>
  [...source.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').matchAll(/^[ \t]*verifies\(([^)]*)\)/gm)].flatMap(
    ([, list = '']) => [...list.matchAll(/'([^']+)'/g)].map(([, id]) => id as string),
  )

/** A suite of the testing kit cannot call `verifies`: it is published. */
const verified = new Set(
  sourcesOf('test')
    .filter((path) => path.endsWith('.test.ts') && path !== 'test/package/requirements.test.ts')
    .flatMap((path) => verifiedIn(read(path))),
)

const twice = (values: readonly string[]) => values.filter((value, index) => values.indexOf(value) !== index)

describe('the list of requirements', () => {
  it('has a test for every promise', () => {
    expect(ids.filter((id) => !verified.has(id) && !Object.hasOwn(UNVERIFIED, id))).toEqual([])
  })

  it('has a reason for every promise without a test, and no promise with a test among them', () => {
    const excuses = Object.entries(UNVERIFIED)
    expect(excuses.filter(([id, reason]) => verified.has(id) || !reason || reason.length < 10)).toEqual([])
    expect(excuses.length).toBeLessThan(ids.length / 10)
  })

  it('has only ids that exist in the calls of verifies()', () => {
    expect([...verified].filter((id) => !ids.includes(id))).toEqual([])
  })

  it('has every promise once', () => {
    const keys = ['protocol', 'delivery'].flatMap((name) =>
      [...read(`test/requirements/${name}.ts`).matchAll(/^ {2}'([^']+)':/gm)].map(([, id]) => id as string),
    )
    expect(keys.length).toBe(ids.length)
    expect(twice(keys)).toEqual([])
    expect(twice(REQUIREMENTS.map(({ page, promise }) => `${page}: ${promise}`))).toEqual([])
  })

  it.each(pages)('has every list item of %s, word for word, and nothing else', (page) => {
    const listed = REQUIREMENTS.filter((requirement) => requirement.page === page)
    const promises = promisesOf(page)
    expect(promises.length).toBeGreaterThan(50)
    expect(promises.filter((text) => !listed.some(({ promise }) => promise === text))).toEqual([])
    expect(listed.filter(({ promise }) => !promises.includes(promise)).map(({ id }) => id)).toEqual([])
  })

  it('leaves out only sections that exist', () => {
    const missing = NO_PROMISES.filter(
      ({ page, heading }) => !listItemsOf(read(page)).some((item) => item.heading === heading),
    )
    expect(missing).toEqual([])
  })
})

describe('the gate', () => {
  it('reads list items of several lines, and none of a code block', () => {
    const page =
      '## A\n- one\n  and more\n- two\n\n  not two\n```\n- code\n```\n### b\n1. three\ntext\n## C\n* four'
    expect(listItemsOf(page)).toEqual([
      { heading: 'A', text: 'one and more' },
      { heading: 'A', text: 'two' },
      { heading: 'A', text: 'three' },
      { heading: 'C', text: 'four' },
    ])
  })

  it('reads calls of verifies, and none in a comment', () => {
    const source = `verifies('a')\n// verifies('b')\n/*\nverifies('c')\n*/\n  verifies(\n  'd',\n  'e',\n) // verifies('f')`
    expect(verifiedIn(source)).toEqual(['a', 'd', 'e'])
  })

  it('refuses verifies() outside a test', () => {
    expect(calledOutside).toThrow(/is not inside a test/)
    expect(() => verifies('protocol.connect.welcome')).not.toThrow()
    // @ts-expect-error: not an id
    expect(() => verifies('protocol.no-such-promise')).not.toThrow()
  })
})

let outside: unknown
try {
  verifies('protocol.connect.welcome')
} catch (error) {
  outside = error
}
const calledOutside = () => {
  throw outside
}
