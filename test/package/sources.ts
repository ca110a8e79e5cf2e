import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export const read = (path: string): string => readFileSync(ROOT + path, 'utf8')

/** One import, re-export or dynamic import of a file. */
export interface Import {
  readonly specifier: string
  /** Whether the import does not exist at run time. */
  readonly typeOnly: boolean
  /** For a relative specifier, the path of its file from the root. Otherwise the specifier. */
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

/** Removes comments, because their examples may contain imports. */
const withoutComments = (source: string): string =>
  source.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replace(/^[ \t]*\/\/.*$/gm, '')

/** The imports of a source text. `import { type A }` loads the module, so it is not type-only. */
export const importsOf = (source: string, path: string): Import[] =>
  STATEMENTS.flatMap((statement) => [...withoutComments(source).matchAll(statement)]).map(({ groups }) => {
    const specifier = groups?.specifier?.slice(1, -1) ?? ''
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier
    return { specifier, typeOnly: groups?.type !== undefined, target }
  })

/** Paths from the root of all source files in a folder and its subfolders. */
export const sourcesOf = (folder: string): string[] =>
  readdirSync(ROOT + folder, { recursive: true })
    .map((file) => posix.join(folder, String(file)))
    .filter((file) => /\.[cm]?[jt]sx?$/.test(file) && !file.includes('node_modules'))
    .sort()
