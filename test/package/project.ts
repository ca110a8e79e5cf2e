import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ROOT } from './sources.ts'

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program. Resolves also if the program fails. */
const run = (cwd: string, program: string, args: readonly string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    // Tests do not use the network, and npm must not print notices about its own version.
    const env = {
      ...process.env,
      npm_config_offline: 'true',
      npm_config_update_notifier: 'false',
      NODE_PATH: '',
    }
    execFile(program, args, { cwd, env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr })
    })
  })

const mustRun = async (cwd: string, program: string, args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await run(cwd, program, args)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')

/** The published package, as npm packs it from the sources. */
export interface Package {
  /** Paths of the files in the tarball. */
  readonly files: readonly string[]
  /** Creates a project with the package and with packages of the repository's `node_modules`. */
  install(packages: readonly string[]): Project
  remove(): void
}

export interface Project {
  /** Runs a module in Node without a loader. */
  node(source: string): Promise<Outcome>
  /** Type-checks a file. Returns the errors, without those in files of other packages. */
  check(source: string, compilerOptions: object): Promise<string[]>
  /** Compiles files to JavaScript beside them. Returns the errors, as `check` does. */
  compile(files: Readonly<Record<string, string>>, compilerOptions: object): Promise<string[]>
}

/**
 * Builds into a separate folder, so that it does not affect other tests that use `dist`, and packs the files that
 * `files` of package.json lists.
 */
export const pack = async (): Promise<Package> => {
  const home = mkdtempSync(join(tmpdir(), 'rookery-pack-'))
  const source = join(home, 'source')
  mkdirSync(source)
  for (const file of [
    'package.json',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
    'docs',
    '.npmignore',
    '.gitignore',
  ]) {
    if (existsSync(ROOT + file)) cpSync(ROOT + file, join(source, file), { recursive: true })
  }
  await mustRun(ROOT, process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', join(source, 'dist')])
  const packed = await mustRun(source, 'npm', [
    'pack',
    '--ignore-scripts',
    '--json',
    '--pack-destination',
    home,
  ])
  // The output of npm 11 is a list of packages, and that of npm 12 an object by name.
  const [{ filename, files }] = Object.values(JSON.parse(packed)) as [
    { filename: string; files: { path: string }[] },
  ]
  let projects = 0
  return {
    files: files.map(({ path }) => path),
    install: (packages) => createProject(home, join(home, filename), `project-${projects++}`, packages),
    remove: () => rmSync(home, { recursive: true, force: true }),
  }
}

const createProject = (home: string, tarball: string, name: string, packages: readonly string[]): Project => {
  const project = join(home, name)
  const modules = join(project, 'node_modules')
  const installed = join(modules, 'rookery')
  mkdirSync(installed, { recursive: true })
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name, type: 'module', private: true }))
  const unpacked = mustRun(project, 'tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  for (const dependency of packages) {
    mkdirSync(dirname(join(modules, dependency)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', dependency), join(modules, dependency), 'junction')
  }
  let files = 0
  return {
    async node(source) {
      await unpacked
      const file = join(project, `run-${files++}.mjs`)
      writeFileSync(file, source)
      return run(project, process.execPath, [file])
    },
    async check(source, compilerOptions) {
      return this.compile({ [`check-${files++}.ts`]: source }, { noEmit: true, ...compilerOptions })
    },
    async compile(sources, compilerOptions) {
      await unpacked
      for (const [file, source] of Object.entries(sources)) writeFileSync(join(project, file), source)
      const config = {
        compilerOptions: { strict: true, ...compilerOptions },
        files: Object.keys(sources),
      }
      const file = `tsconfig-${files++}.json`
      writeFileSync(join(project, file), JSON.stringify(config))
      const { stdout } = await run(project, process.execPath, [tsc, '-p', file, '--pretty', 'false'])
      const errors = stdout.split('\n').filter((line) => /^\S.*error TS/.test(line))
      return errors.filter(
        (line) =>
          !line.startsWith('..') &&
          (!line.startsWith('node_modules/') || line.startsWith('node_modules/rookery/')),
      )
    },
  }
}
