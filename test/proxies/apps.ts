import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { freePort } from '../support/processes.ts'
import { type Program, startProgram } from './programs.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let compiled: Promise<string> | undefined

/** Compiles the app once, so that its processes start fast. */
const compile = async (): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, 'test/proxies/app.ts')],
    tsconfig: join(ROOT, 'tsconfig.json'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}

/** Starts the app in a process of its own. The caller stops it. */
export const startApp = async (given?: number, env: NodeJS.ProcessEnv = {}): Promise<Program> => {
  compiled ??= compile()
  const folder = mkdtempSync(join(tmpdir(), 'rookery-app-'))
  const path = join(folder, 'app.mjs')
  writeFileSync(path, await compiled)
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction')
  const port = given ?? (await freePort())
  try {
    return await startProgram(process.execPath, [path], port, { ...env, PORT: String(port) })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
