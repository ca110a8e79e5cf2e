import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { largeContract } from '../support/large-contract.ts'
import { ROOT } from './sources.ts'

/** Runs a compiler of `node_modules`. Returns what it prints. */
const compile = (compiler: string, args: readonly string[], cwd: string): Promise<string> =>
  new Promise((resolve) => {
    const program = join(ROOT, 'node_modules', compiler, 'bin/tsc')
    execFile(process.execPath, [program, '--pretty', 'false', ...args], { cwd }, (error, stdout, stderr) =>
      resolve(error ? `${stdout}${stderr}` || error.message : stdout),
    )
  })

describe('the types of a contract', () => {
  // The check of the built declarations, `npm run check:declarations`, is without skipLibCheck.
  it.each(['typescript-5.9', 'typescript-6', 'typescript'])(
    'accept and refuse the same code with %s, under its strictest options',
    async (compiler) => {
      expect(
        await compile(compiler, ['-p', 'test/types/tsconfig.contract.json', '--skipLibCheck'], ROOT),
      ).toBe('')
    },
  )
})

describe('a contract of 1,000 topics and 500 calls', () => {
  let folder: string

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-types-'))
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction')
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
    for (const [name, source] of Object.entries(largeContract())) writeFileSync(join(folder, name), source)
    const config = {
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: {
        skipLibCheck: true,
        typeRoots: [join(ROOT, 'node_modules/@types')],
        paths: {
          rookery: [join(ROOT, 'dist/core/index.d.ts')],
          'rookery/client': [join(ROOT, 'dist/client/index.d.ts')],
          'rookery/contract': [join(ROOT, 'dist/plugins/contract/index.d.ts')],
        },
      },
      include: [],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** Type-checks a file with what it imports. One checker, so that no two checkers count the same instantiation. */
  const check = async (file: string): Promise<{ errors: string[]; instantiations: number }> => {
    writeFileSync(join(folder, `${file}.json`), JSON.stringify({ extends: './tsconfig.json', files: [file] }))
    const output = await compile(
      'typescript',
      ['-p', `${file}.json`, '--extendedDiagnostics', '--checkers', '1'],
      folder,
    )
    return {
      errors: output.split('\n').filter((line) => line.includes('error TS')),
      instantiations: Number(/^Instantiations: *(\d+)/m.exec(output)?.[1]),
    }
  }

  it('costs the compiler few instantiations beside those of its schemas', async () => {
    const schemas = await check('schemas.ts')
    const app = await check('app.ts')
    expect([schemas.errors, app.errors]).toEqual([[], []])
    expect(schemas.instantiations).toBeGreaterThan(100_000)
    // A check of an app with this contract takes TypeScript 7 less than twice as long as its schemas alone.
    expect(app.instantiations - schemas.instantiations).toBeLessThan(400_000)
  })
})
