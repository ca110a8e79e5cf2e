import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { projectNameProblem } from './project-name.ts'

const TEMPLATE = fileURLToPath(new URL('template', import.meta.url))

/** npm leaves `.gitignore` out of packages, so the template has it under another name. */
const STORED_NAMES: Readonly<Record<string, string>> = { gitignore: '.gitignore' }

/** A folder with only a new repository counts as empty. */
const REPOSITORY = '.git'

/** A project cannot be created. The message says why. */
export class Refusal extends Error {}

export interface ProjectOptions {
  /** Version of this package, for the dependencies of the project. */
  readonly version: string
  /** Also writes into a folder that has other files. It replaces no file. */
  readonly force: boolean
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

/** Contents of the template's files, by their paths in a project. */
const readTemplate = (): Map<string, string> => {
  const entries = readdirSync(TEMPLATE, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return new Map(
    files.map(({ name, parentPath }) => [
      join(relative(TEMPLATE, parentPath), STORED_NAMES[name] ?? name),
      readFileSync(join(parentPath, name), 'utf8'),
    ]),
  )
}

/** Whether there is a file or a folder at a path. A link counts, also if it leads nowhere. */
const exists = (path: string): boolean => {
  try {
    lstatSync(path)
    return true
  } catch {
    return false
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** The files that writing would replace. A file with the name of a folder of the project is one, too. */
const conflicts = (folder: string, paths: readonly string[]): string[] => {
  const folders = [...new Set(paths.map(dirname))].filter((path) => path !== '.')
  return [
    ...folders.filter((path) => exists(join(folder, path)) && !isFolder(join(folder, path))),
    ...paths.filter((path) => exists(join(folder, path))),
  ]
}

const checkFolder = (folder: string, paths: readonly string[], force: boolean): void => {
  if (!exists(folder)) return
  if (!isFolder(folder)) throw new Refusal(`${folder} is not a folder`)
  const existing = conflicts(folder, paths)
  if (force && existing.length > 0) {
    throw new Refusal(`${folder} has these files already, and no file is replaced: ${existing.join(', ')}`)
  }
  if (!force && readdirSync(folder).some((name) => name !== REPOSITORY)) {
    throw new Refusal(`${folder} is not empty. With --force, the files of the app are added to it`)
  }
}

/**
 * Writes a project into a folder, which it creates if necessary. The name of the folder is the name of the project.
 *
 * @returns the number of files
 * @throws Refusal if the name is no name of a package, or if the folder has files. Nothing is written then
 */
export const createProject = (folder: string, { version, force }: ProjectOptions): number => {
  const files = readTemplate()
  const manifest: Manifest = JSON.parse(files.get('package.json') as string)
  const name = basename(folder)
  const packages = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
  const problem = projectNameProblem(name, packages)
  if (problem) throw new Refusal(`'${name}' cannot be the name of the project: ${problem}`)
  checkFolder(folder, [...files.keys()], force)

  const dependencies = { ...manifest.dependencies, rookery: `^${version}` }
  files.set('package.json', `${JSON.stringify({ ...manifest, name, dependencies }, null, 2)}\n`)
  for (const [path, content] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    // `wx` fails if another program has created the file meanwhile.
    writeFileSync(join(folder, path), content, { flag: 'wx' })
  }
  return files.size
}
