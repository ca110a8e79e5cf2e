import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export const read = (path: string): string => readFileSync(ROOT + path, 'utf8')

/** One import, re-export or dynamic import of a file. */
export interface Import {
  readonly specifier: string
  /** Gone at run time. */
  readonly typeOnly: boolean
  /** Path from the root of what a relative specifier leads to; the specifier itself of any other. */
  readonly target: string
}

const STATEMENTS = [
  // import type a, { b } from 'x' · import a, { b } from 'x' · import * as a from 'x'
  /^[ \t]*import[ \t]+(?<type>type[ \t]+(?!from\b))?[\w$*{][\w\s$*{},]*?from[ \t]*(?<specifier>'[^'\n]+'|"[^"\n]+")/gm,
  // export type { a } from 'x' · export { a } from 'x' · export * from 'x'
  /^[ \t]*export[ \t]+(?<type>type[ \t]+)?(?:\{[^}]*\}|\*(?:[ \t]+as[ \t]+\w+)?)\s*from[ \t]*(?<specifier>'[^'\n]+'|"[^"\n]+")/gm,
  // import 'x'
  /^[ \t]*import[ \t]*(?<specifier>'[^'\n]+'|"[^"\n]+")/gm,
  // await import('x')
  /\bimport\(\s*(?<specifier>'[^'\n]+'|"[^"\n]+"|`[^`\n]+`)/g,
]

/** Without block comments, in which examples import too, and without lines of comment. */
const withoutComments = (source: string): string =>
  source.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replace(/^[ \t]*\/\/.*$/gm, '')

/** The imports of a source text. An import of `{ type A }` alone still loads the module, and counts so. */
export const importsOf = (source: string, path: string): Import[] =>
  STATEMENTS.flatMap((statement) => [...withoutComments(source).matchAll(statement)]).map(({ groups }) => {
    const specifier = groups?.specifier?.slice(1, -1) ?? ''
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier
    return { specifier, typeOnly: groups?.type !== undefined, target }
  })

/** Every TypeScript file under a folder, by its path from the root. */
export const sourcesOf = (folder: string): string[] =>
  readdirSync(ROOT + folder, { recursive: true })
    .map((file) => posix.join(folder, String(file)))
    .filter((file) => /\.[cm]?[jt]sx?$/.test(file) && !file.includes('node_modules'))
    .sort()
