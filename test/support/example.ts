import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { type ProcessOptions, type RunningProcess, startProcess } from './processes.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const programs = new Map<string, Promise<string>>()

/** Compiles the server of an example, once for all tests of a file: to start it with tsx takes three times as long. */
const compile = async (name: string): Promise<string> => {
  const entry = join(ROOT, 'examples', name, 'server.ts')
  const folder = mkdtempSync(join(tmpdir(), 'rookery-example-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  // For the packages that the example imports, and the package of this repository itself.
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  symlinkSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(ROOT, 'dist'), join(folder, 'dist'))
  const outfile = join(folder, 'server.mjs')
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    // The example finds its page beside its source.
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(entry).href) },
    tsconfig: join(ROOT, 'examples', name, 'tsconfig.json'),
  })
  return outfile
}

/** Runs the server of an example on the built package. */
export const startExample = async (
  name: string,
  options: Pick<ProcessOptions, 'env' | 'ready'>,
): Promise<RunningProcess> => {
  const program = programs.get(name) ?? compile(name)
  programs.set(name, program)
  return await startProcess(process.execPath, ['--enable-source-maps', await program], {
    cwd: ROOT,
    ...options,
  })
}

/** Runs the demo of an example on the built package until it ends. Returns its output. Throws if it reports a failure. */
export const runDemo = async (name: string): Promise<string> => {
  const folder = join(ROOT, 'examples', name)
  const { output, ended } = await startProcess(
    process.execPath,
    ['--import', 'tsx', join(folder, 'demo.ts')],
    {
      cwd: ROOT,
      env: { TSX_TSCONFIG_PATH: join(folder, 'tsconfig.json') },
      ready: /./,
    },
  )
  const { code, signal } = await ended
  if (code !== 0) throw new Error(`The demo ended with ${code ?? signal}:\n${output()}`)
  return output()
}
