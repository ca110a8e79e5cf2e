import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
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
  /**
   * Creates a project with the package and with packages of the repository's `node_modules`.
   *
   * @param folder a project that exists, to install the packages there
   */
  install(packages: readonly string[], folder?: string): Project
  remove(): void
}

export interface Project {
  readonly folder: string
  /** Runs a program in the folder of the project, or in another one. */
  run(program: string, args: readonly string[], cwd?: string): Promise<Outcome>
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
  await mustRun(ROOT, process.execPath, ['.ci/build.mjs', '--out', join(source, 'dist')])
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
    install: (packages, folder = createFolder(home, `project-${projects++}`)) =>
      createProject(folder, join(home, filename), packages),
    remove: () => rmSync(home, { recursive: true, force: true }),
  }
}

const createFolder = (home: string, name: string): string => {
  const folder = join(home, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, type: 'module', private: true }))
  return folder
}

/** Links the programs of a package, as npm does, so that scripts of package.json find them. */
const linkPrograms = (modules: string, dependency: string): void => {
  const { bin } = JSON.parse(readFileSync(join(modules, dependency, 'package.json'), 'utf8'))
  const programs: Record<string, string> = typeof bin === 'string' ? { [basename(dependency)]: bin } : bin
  mkdirSync(join(modules, '.bin'), { recursive: true })
  for (const [name, path] of Object.entries(programs ?? {})) {
    symlinkSync(join(modules, dependency, path), join(modules, '.bin', name))
  }
}

const createProject = (project: string, tarball: string, packages: readonly string[]): Project => {
  const modules = join(project, 'node_modules')
  const installed = join(modules, 'rookery')
  mkdirSync(installed, { recursive: true })
  const unpacked = mustRun(project, 'tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  for (const dependency of packages) {
    mkdirSync(dirname(join(modules, dependency)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', dependency), join(modules, dependency), 'junction')
    linkPrograms(modules, dependency)
  }
  let files = 0
  return {
    folder: project,
    async run(program, args, cwd = project) {
      await unpacked
      return run(cwd, program, args)
    },
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
