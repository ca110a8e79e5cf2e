#!/usr/bin/env node
import { createRequire } from 'node:module'
import { relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createProject, Refusal } from './create-project.ts'

const USAGE = `Usage: rookery init [folder] [--force]

Writes a small app: a typed contract, a server, a page with Vite, and a test.

  folder         the folder of the app; without it, the current folder
  --force        also writes into a folder that has other files; it replaces no file
  -h, --help     prints this text
  -v, --version  prints the version of Rookery
`

/** Exit code for arguments that are wrong. */
const WRONG_USAGE = 2
/** Exit code for everything else that fails. */
const FAILED = 1

const { version } = createRequire(import.meta.url)('rookery/package.json') as { version: string }

/** @returns the exit code */
const fail = (message: string, code: number): number => {
  process.stderr.write(`rookery: ${message}\n`)
  return code
}

const wrongUsage = (message: string): number => fail(`${message}\n\n${USAGE.trimEnd()}`, WRONG_USAGE)

/** The command that changes into a folder. Empty for the current folder. */
const changeInto = (folder: string): string => {
  const path = relative(process.cwd(), folder)
  if (path === '') return ''
  return `  cd ${/[^\w./\\:-]/.test(path) ? `"${path}"` : path}\n`
}

const init = (folder: string, force: boolean): number => {
  try {
    const count = createProject(folder, { version, force })
    process.stdout.write(`Wrote ${count} files into ${folder}

Next steps:

${changeInto(folder)}  npm install
  npm run dev     # the app in development; open the printed address in two tabs
  npm test
`)
    return 0
  } catch (error) {
    const { message } = error as Error
    return fail(error instanceof Refusal ? message : `not all files were written: ${message}`, FAILED)
  }
}

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      force: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      version: { type: 'boolean', short: 'v', default: false },
    },
  })

/** @returns the exit code */
const run = (args: readonly string[]): number => {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    // The first sentence. The second one explains how to pass a folder that begins with a hyphen.
    return wrongUsage((error as Error).message.split('. ')[0] as string)
  }
  const { values, positionals } = parsed
  const [command, folder = '.', ...more] = positionals
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  if (values.version) {
    process.stdout.write(`${version}\n`)
    return 0
  }
  if (command === undefined) return wrongUsage('there is no command')
  if (command !== 'init') return wrongUsage(`'${command}' is not a command`)
  if (more.length > 0) return wrongUsage(`'init' takes one folder, not ${more.length + 1}`)
  return init(resolve(folder), values.force)
}

process.exitCode = run(process.argv.slice(2))
