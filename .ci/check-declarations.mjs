/** Compiles a consumer of the built declarations, all subpaths, with each supported version of TypeScript. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PROJECT = 'test/types/tsconfig.built.json'
/** Folders of node_modules. */
const COMPILERS = ['typescript-5.9', 'typescript-6', 'typescript']

/** @param {string} path */
const read = (path) => readFileSync(join(ROOT, path), 'utf8')

/** @param {string} compiler @returns {Promise<string>} its complaints */
const compile = (compiler) =>
  new Promise((resolve) => {
    const args = [`node_modules/${compiler}/bin/tsc`, '-p', PROJECT, '--pretty', 'false']
    execFile(process.execPath, args, { cwd: ROOT }, (error, stdout, stderr) =>
      resolve(error ? `${stdout}${stderr}` || error.message : ''),
    )
  })

const consumer = read('test/types/subpaths.ts')
const missing = Object.keys(JSON.parse(read('package.json')).exports)
  .map((subpath) => `rookery${subpath.slice(1)}`)
  .filter((name) => name !== 'rookery/package.json' && !consumer.includes(`'${name}'`))
if (missing.length > 0) {
  console.error(`test/types/subpaths.ts does not import ${missing.join(', ')}`)
  process.exitCode = 1
}

await Promise.all(
  COMPILERS.map(async (compiler) => {
    const { version } = JSON.parse(read(`node_modules/${compiler}/package.json`))
    const complaints = await compile(compiler)
    if (complaints === '') return
    console.error(`The built declarations do not compile with TypeScript ${version}:\n${complaints}`)
    process.exitCode = 1
  }),
)
