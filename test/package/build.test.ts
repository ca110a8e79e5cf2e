import { type ChildProcess, spawn } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ROOT, read } from './sources.ts'

/** A copy of the project, so that no other test loses its `dist`. */
let project: string

const COPIED = ['core', 'plugins', 'client', '.ci', 'package.json', 'tsconfig.json', 'tsconfig.build.json']

interface Outcome {
  readonly code: number | null
  readonly output: string
}

const start = (
  args: readonly string[],
): { readonly child: ChildProcess; readonly done: Promise<Outcome> } => {
  const child = spawn(process.execPath, args, { cwd: project })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += String(data)
    })
  }
  return { child, done: new Promise((done) => child.once('close', (code) => done({ code, output }))) }
}

const startBuild = (...options: readonly string[]) => start(['.ci/build.mjs', ...options])
const build = (...options: readonly string[]): Promise<Outcome> => startBuild(...options).done

const BUILT: Outcome = { code: 0, output: 'Building dist\n' }
const NOTHING_TO_DO: Outcome = { code: 0, output: '' }

const temporaryFolders = () => readdirSync(project).filter((name) => name.startsWith('.dist-'))
const dist = (path: string) => join(project, 'dist', path)
const edit = (path: string, text: string) => appendFileSync(join(project, path), text)

const subpaths = Object.keys(JSON.parse(read('package.json')).exports)
  .filter((subpath) => subpath !== './package.json')
  .map((subpath) => `rookery${subpath.slice(1)}`)
  // The suites register tests, which only vitest can.
  .filter((subpath) => subpath !== 'rookery/testing/conformance')
/** A program that uses `dist`. */
const READER = `await Promise.all(${JSON.stringify(subpaths)}.map((subpath) => import(subpath)))`
const readDist = (): Promise<Outcome> => start(['--input-type=module', '--eval', READER]).done

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'rookery-build-'))
  for (const path of COPIED) cpSync(join(ROOT, path), join(project, path), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'), 'junction')
  expect(await build()).toEqual(BUILT)
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

describe('a build', () => {
  it('does nothing when nothing has changed', async () => {
    expect(await build()).toEqual(NOTHING_TO_DO)
  })

  it('builds again when a source changes, and removes files that are no longer produced', async () => {
    const extra = join(project, 'core/extra/extra.ts')
    cpSync(join(project, 'core/topics/topic.ts'), extra)
    expect(await build()).toEqual(BUILT)
    expect(existsSync(dist('core/extra/extra.js'))).toBe(true)
    rmSync(join(project, 'core/extra'), { recursive: true })
    expect(await build()).toEqual(BUILT)
    expect(existsSync(dist('core/extra'))).toBe(false)
    expect(await readDist()).toEqual({ code: 0, output: '' })
  })

  it('builds again when a file of dist is missing, changed or foreign', async () => {
    rmSync(dist('core/index.js'))
    writeFileSync(dist('client/index.js'), '')
    writeFileSync(dist('old.js'), '')
    expect(await build()).toEqual(BUILT)
    expect(await readDist()).toEqual({ code: 0, output: '' })
    expect(existsSync(dist('old.js'))).toBe(false)
  })

  it('builds with --clean in any case', async () => {
    expect(await build('--clean')).toEqual(BUILT)
  })

  it('runs twice at once, while other programs import from dist', async () => {
    edit('core/util/options.ts', '\n// a change\n')
    edit('client/index.ts', '\n// a change\n')
    let builds: Outcome[] | undefined
    const bothBuilds = Promise.all([build(), build()]).then((outcomes) => {
      builds = outcomes
    })
    const readers: Outcome[] = []
    while (!builds) readers.push(await readDist())
    await bothBuilds
    expect(builds?.map(({ code }) => code)).toEqual([0, 0])
    expect(readers.filter(({ code }) => code !== 0)).toEqual([])
    expect(readFileSync(dist('client/index.js'), 'utf8')).toContain('// a change')
    expect(temporaryFolders()).toEqual([])
    expect(await build()).toEqual(NOTHING_TO_DO)
  })

  it('that fails says why, leaves dist as it was and cleans up', async () => {
    const index = join(project, 'core/index.ts')
    const source = readFileSync(index)
    const before = readFileSync(dist('core/index.js'))
    edit('core/index.ts', "\nexport const wrong: number = 'text'\n")
    const { code, output } = await build()
    expect(output).toMatch(/core\/index\.ts.*TS2322/)
    expect(code).not.toBe(0)
    expect(readFileSync(dist('core/index.js'))).toEqual(before)
    expect(temporaryFolders()).toEqual([])
    writeFileSync(index, source)
    expect(await build()).toEqual(NOTHING_TO_DO)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('that gets %s cleans up', async (signal) => {
    const { child, done } = startBuild('--clean')
    await vi.waitFor(() => expect(temporaryFolders()).toHaveLength(1), { timeout: 60_000, interval: 5 })
    child.kill(signal)
    expect((await done).code).toBe(signal === 'SIGINT' ? 130 : 143)
    expect(temporaryFolders()).toEqual([])
    expect(await build()).toEqual(NOTHING_TO_DO)
  })

  it('removes what a killed build has left', async () => {
    const { child, done } = startBuild('--clean')
    await vi.waitFor(() => expect(temporaryFolders()).toHaveLength(1), { timeout: 60_000, interval: 5 })
    child.kill('SIGKILL')
    // Its compiler has finished, too: it holds the output of the build open.
    await done
    expect(temporaryFolders()).toHaveLength(1)
    expect(await build('--clean')).toEqual(BUILT)
    expect(temporaryFolders()).toEqual([])
  })
})
