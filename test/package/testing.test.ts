import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { importsOf, ROOT, read, sourcesOf } from './sources.ts'

/** Files that an entry point loads, and the packages that they import. */
const loadedBy = (entry: string) => {
  const sources = new Set(['core', 'client', 'plugins'].flatMap(sourcesOf))
  const files = new Set<string>()
  const packages = new Set<string>()
  const visit = (path: string) => {
    if (files.has(path)) return
    files.add(path)
    for (const { target, typeOnly } of importsOf(read(path), path)) {
      if (typeOnly) continue
      if (sources.has(target)) visit(target)
      else packages.add(target)
    }
  }
  visit(entry)
  return { files: [...files], packages: [...packages] }
}

/** Runs a test file with Node's own test runner. Resolves with its exit code and its output. */
const runWithNode = (path: string): Promise<{ code: number | null; output: string }> => {
  const child = spawn(process.execPath, ['--import', 'tsx', '--test', '--test-reporter=tap', path], {
    cwd: ROOT,
    env: { ...process.env, TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json'), NODE_TEST_CONTEXT: undefined },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += String(data)
    })
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })))
}

describe('rookery/testing', () => {
  it('loads no test runner, no transport and no network library', () => {
    const { files, packages } = loadedBy('plugins/testing/index.ts')
    expect(files).toContain('plugins/testing/app/connect.ts')
    expect(packages.filter((name) => /vitest|^ws$|hono|node:(http|net|test)/.test(name))).toEqual([])
    expect(
      files.filter((path) => /^(client\/transports\/(websocket|sse)|plugins\/(?!testing))/.test(path)),
    ).toEqual([])
  })

  it('works with the test runner of Node, and its mock timers', async () => {
    const { code, output } = await runWithNode('test/package/node-runner.mts')
    expect(code, output).toBe(0)
    expect(output).toMatch(/^# pass 4$/m)
  })
})
