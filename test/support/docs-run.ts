import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { type Block, ROOT } from './docs.ts'

/** Creates a directory in which the packages of the repository can be imported. Removes it at the end of the test. */
const workspace = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'rookery-docs-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'), 'junction')
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
  return directory
}

/** Type-checks blocks in one run, each as a separate module. Returns the errors with page and line. */
export const typeCheck = async (blocks: readonly Block[]): Promise<string[]> => {
  const directory = workspace()
  // Named samples of one page may import each other.
  const names = blocks.map(({ page, line, name }) => `${page}/${name || `line-${line}.ts`}`)
  for (const [index, { code }] of blocks.entries()) {
    const path = join(directory, names[index] as string)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, code)
  }
  const paths = {
    rookery: [join(ROOT, 'core/index.ts')],
    'rookery/client': [join(ROOT, 'client/index.ts')],
    'rookery/client/*': [join(ROOT, 'client/*/index.ts')],
    'rookery/react': [join(ROOT, 'client/react/index.ts')],
    'rookery/*': [join(ROOT, 'plugins/*/index.ts')],
  }
  const config = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      paths,
      jsx: 'react-jsx',
      moduleDetection: 'force',
      typeRoots: [join(ROOT, 'node_modules/@types')],
    },
    files: names,
    include: [],
    exclude: [],
  }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config))
  const output = await new Promise<string>((resolve, reject) => {
    const tsc = [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', directory, '--pretty', 'false']
    execFile(process.execPath, tsc, { cwd: directory }, (error, stdout, stderr) => {
      if (error && !stdout) reject(new Error(`tsc did not run: ${stderr}`, { cause: error }))
      else resolve(stdout)
    })
  })
  return output
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => {
      const [, name = '', line = '0', message] = /^(.*)\((\d+),\d+\): (.*)$/.exec(text) ?? []
      const block = blocks[names.indexOf(name)]
      return block ? `${block.page}:${block.line + Number(line)}: ${message}` : text
    })
}

/** A sample that runs in a separate process. */
export interface Running {
  readonly child: ChildProcess
  /** The output so far. */
  readonly output: () => string
  /** Resolves when the output matches the pattern. */
  until(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves with the exit code. */
  readonly exit: Promise<number | null>
}

/** Writes samples as files into one directory and runs the last one. */
export const run = (files: Readonly<Record<string, string>>): Running => {
  const directory = workspace()
  for (const [name, code] of Object.entries(files)) writeFileSync(join(directory, name), code)
  const child = spawn(process.execPath, ['--import', 'tsx', Object.keys(files).at(-1) as string], {
    cwd: directory,
    env: { ...process.env, TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += String(data)
    })
  }
  return {
    child,
    output: () => output,
    until: (pattern) =>
      vi.waitFor(
        () => {
          const found = pattern.exec(output)
          if (!found) throw new Error(`${pattern} is not in the output of the sample: ${output}`)
          return found
        },
        { interval: 10 },
      ),
    exit: new Promise((resolve) => child.once('close', resolve)),
  }
}
