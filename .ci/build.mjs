/**
 * Builds `dist` without taking it away from processes that use it: compiles into a folder of its own, then
 * replaces file by file. Does nothing if `dist` is up to date. `--clean` builds in any case. `--out <folder>` only
 * writes the files into another folder.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DIST = join(ROOT, 'dist')
const SOURCES = ['core', 'plugins', 'client']
/** Folders that are in the package as they are. `tsconfig.build.json` excludes them. */
const COPIED = ['plugins/init/template']
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', '.ci/build.mjs']
/** Says what `dist` was built from and what it holds. package.json keeps it out of the tarball. */
const STAMP = '.build.json'
const TEMPORARY = '.dist-'
/** Beside `dist`, so that a rename stays within one file system. The number tells the process. */
const temporary = join(ROOT, TEMPORARY + process.pid)
/** Sources that change during a build make it start again; this limits how often. */
const MAX_ROUNDS = 10

/** @param {string} folder @returns {string[]} every file, by its path from the folder */
const filesOf = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
        .sort()
    : []

/** @param {string} path */
const contentOf = (path) => {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}

/** @param {string} folder @param {readonly string[]} paths @param {string} [start] */
const hashOf = (folder, paths, start = '') => {
  const hash = createHash('sha256').update(start)
  for (const path of paths) {
    const content = contentOf(join(folder, path)) ?? ''
    hash.update(`\n${path} ${content.length}\n`).update(content)
  }
  return hash.digest('hex')
}

const hashSources = () => {
  const { name, version, type, bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const compiler = JSON.parse(
    readFileSync(join(ROOT, 'node_modules/typescript/package.json'), 'utf8'),
  ).version
  const paths = SOURCES.flatMap((folder) => filesOf(join(ROOT, folder)).map((path) => join(folder, path)))
  return hashOf(ROOT, [...SETTINGS, ...paths], JSON.stringify([name, version, type, bin, compiler]))
}

const builtFiles = () => filesOf(DIST).filter((path) => path !== STAMP)

/** @param {string} sources hash */
const isCurrent = (sources) => {
  const stamp = contentOf(join(DIST, STAMP))
  if (!stamp) return false
  // The hash of the output finds what another build or a hand has changed since.
  return String(stamp) === JSON.stringify({ sources, output: hashOf(DIST, builtFiles()) })
}

/** @type {import('node:child_process').ChildProcess | undefined} */
let compiler

/** TypeScript's launcher starts a program of its own: both are in one process group, to be killed together. */
const killCompiler = () => {
  try {
    if (compiler?.pid) process.kill(process.platform === 'win32' ? compiler.pid : -compiler.pid, 'SIGKILL')
  } catch {
    // It has exited.
  }
}

/** @param {string} output a folder @returns {Promise<number>} the exit code */
const compile = (output) =>
  new Promise((resolve, reject) => {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const args = [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', output]
    compiler = spawn(process.execPath, args, { stdio: 'inherit', detached: process.platform !== 'win32' })
    compiler.once('error', reject)
    compiler.once('exit', (code) => resolve(code ?? 1))
  })

/**
 * Adds what the compiler does not write: folders that are copied, and the permission to run the programs of package.json.
 *
 * @param {string} output a folder
 */
const complete = (output) => {
  for (const folder of COPIED) cpSync(join(ROOT, folder), join(output, folder), { recursive: true })
  const { bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  for (const path of Object.values(bin)) chmodSync(join(output, relative('dist', path)), 0o755)
}

/** @param {string} output a folder @returns {Promise<number>} the exit code */
const write = async (output) => {
  const code = await compile(output)
  if (code === 0) complete(output)
  return code
}

/** @param {string} path in the temporary folder and in `dist` */
const publish = (path) => {
  const [from, to] = [join(temporary, path), join(DIST, path)]
  if (contentOf(to)?.equals(readFileSync(from))) return
  // Another build may remove an empty folder between the two steps.
  for (let tries = 1; ; tries++) {
    mkdirSync(dirname(to), { recursive: true })
    try {
      return renameSync(from, to)
    } catch (error) {
      if (error.code !== 'ENOENT' || tries === 3) throw error
    }
  }
}

/** @param {string} path in `dist` */
const remove = (path) => {
  rmSync(join(DIST, path), { force: true })
  try {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) rmdirSync(join(DIST, folder))
  } catch {
    // The folder still has files.
  }
}

/** Replaces what has changed, then removes what is no longer produced. @param {string} sources hash */
const publishAll = (sources) => {
  const produced = filesOf(temporary)
  for (const path of produced) publish(path)
  const kept = new Set(produced)
  for (const path of builtFiles()) if (!kept.has(path)) remove(path)
  writeFileSync(join(temporary, STAMP), JSON.stringify({ sources, output: hashOf(DIST, produced) }))
  publish(STAMP)
}

const removeTemporary = () => rmSync(temporary, { recursive: true, force: true, maxRetries: 3 })

/** Folders of builds that were killed. */
const removeAbandoned = () => {
  for (const name of readdirSync(ROOT).filter((name) => name.startsWith(TEMPORARY))) {
    try {
      process.kill(Number(name.slice(TEMPORARY.length)), 0)
    } catch (error) {
      if (error.code !== 'EPERM') rmSync(join(ROOT, name), { recursive: true, force: true })
    }
  }
}

const { clean, out } = parseArgs({ options: { clean: { type: 'boolean' }, out: { type: 'string' } } }).values

const build = async () => {
  let sources = hashSources()
  if (!clean && isCurrent(sources)) return 0
  process.stderr.write('Building dist\n')
  removeAbandoned()
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    removeTemporary()
    const code = await write(temporary)
    if (code !== 0) return code
    const built = sources
    sources = hashSources()
    if (sources !== built) continue
    publishAll(sources)
    // A build that runs at the same time may have put files of older sources in between.
    if (isCurrent(hashSources())) return 0
  }
  process.stderr.write('The sources kept changing during the build\n')
  return 1
}

process.on('exit', () => {
  killCompiler()
  removeTemporary()
})
for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })) {
  process.once(signal, () => process.exit(128 + number))
}
process.exitCode = await (out ? write(out) : build())
