import { posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { importsOf, read, sourcesOf } from './sources.ts'

const core = sourcesOf('core')
const client = sourcesOf('client')
/** The app that `rookery init` writes. It is an example, and not a part of the plugin. */
const TEMPLATE = 'plugins/init/template'
const plugins = sourcesOf('plugins').filter((path) => !path.startsWith(`${TEMPLATE}/`))
const examples = [...sourcesOf('examples'), ...sourcesOf(TEMPLATE)]
const published = [...core, ...client, ...plugins]

const graph = new Map([...published, ...examples].map((path) => [path, importsOf(read(path), path)]))

interface Edge {
  readonly from: string
  readonly target: string
  readonly typeOnly: boolean
}

const edges = (paths: readonly string[]): Edge[] =>
  paths.flatMap((from) => (graph.get(from) ?? []).map(({ target, typeOnly }) => ({ from, target, typeOnly })))

/** Edges that break a rule, as text for the failure message. */
const breaking = (paths: readonly string[], allowed: (edge: Edge) => boolean): string[] =>
  edges(paths).flatMap((edge) => (allowed(edge) ? [] : [`${edge.from} -> ${edge.target}`]))

const isIn = (folder: string) => (path: string) => path.startsWith(`${folder}/`)
const isNode = (target: string) => target.startsWith('node:')
const isPackage = (target: string) => !isNode(target) && !graph.has(target)
/** `@scope/name/deep/path` to `@scope/name`. */
const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
/** `plugins/http/x.ts` to `plugins/http`, `core/x.ts` to `core`. */
const houseOf = (path: string) =>
  path
    .split('/')
    .slice(0, path.startsWith('plugins/') ? 2 : 1)
    .join('/')

/** The folders of core. Each may import only itself and the folders before it. */
const LAYERS = 'protocol util topics contract history admission bus cluster sessions handlers app'.split(' ')

/** Whether a file of core is safe in a browser. */
const isBrowserSafe = (path: string) =>
  ['core/topics', 'core/protocol', 'core/contract'].some((folder) => isIn(folder)(path))

describe('the import graph', () => {
  it('includes every kind of import, and ignores comments', () => {
    const source = `
/**
 * import { no } from 'comment-block'
 */
// import { no } from 'comment-line'
import a, { b, type C } from './a.ts'
import type D from '../core/d.ts'
import type { E,
  F } from "e"
import { type G } from 'g'
import * as h from 'h'
import 'i'
import type from 'j'
export { k } from './k.ts'
export type { L } from 'l'
export * from 'm'
export * as n from 'n'
const o = await import('o')
const text = "import { no } from 'string'"
export const f = () => {}`
    const found = importsOf(source, 'client/x.ts').map(({ target, typeOnly }) => [target, typeOnly])
    expect(Object.fromEntries(found)).toEqual({
      'client/a.ts': false,
      'core/d.ts': true,
      e: true,
      g: false,
      h: false,
      i: false,
      j: false,
      'client/k.ts': false,
      l: true,
      m: false,
      n: false,
      o: false,
    })
  })

  it('has all source files, and every relative import leads to one of them', () => {
    expect(core.length).toBeGreaterThan(25)
    expect(client.length).toBeGreaterThan(10)
    expect(plugins.length).toBeGreaterThan(10)
    const lost = edges([...graph.keys()]).filter(({ target }) =>
      /^(core|client|plugins|examples)\//.test(target),
    )
    expect(lost.filter(({ target }) => !graph.has(target) && target.endsWith('.ts'))).toEqual([])
    expect(lost.length).toBeGreaterThan(100)
  })
})

describe('core', () => {
  it('imports no file outside of core', () => {
    expect(breaking(core, ({ target }) => !graph.has(target) || isIn('core')(target))).toEqual([])
  })

  it('imports no Node built-in, but for the context of asynchronous calls, the listeners of signals and signatures', () => {
    const allowed = [
      'core/util/work.ts -> node:async_hooks',
      'core/util/abort.ts -> node:events',
      'core/cluster/session-ids.ts -> node:crypto',
    ]
    expect(breaking(core, ({ target }) => !isNode(target)).toSorted()).toEqual(allowed.toSorted())
  })

  it('imports no package but tsyringe, in one file, and the types of Standard Schema', () => {
    const allowed = ({ from, target, typeOnly }: Edge) =>
      !isPackage(target) ||
      (typeOnly && target === '@standard-schema/spec') ||
      (from === 'core/app/container.ts' && ['tsyringe', 'reflect-metadata'].includes(target))
    expect(breaking(core, allowed)).toEqual([])
  })

  it('has folders in layers: a folder imports only itself and the folders below it', () => {
    const layerOf = (path: string) => LAYERS.indexOf(path.split('/')[1] as string)
    const folders = new Set(core.map((path) => path.split('/')[1]))
    folders.delete('index.ts')
    expect([...folders].sort()).toEqual([...LAYERS].sort())
    const inFolders = core.filter((path) => path !== 'core/index.ts')
    expect(
      breaking(inFolders, ({ from, target }) => !graph.has(target) || layerOf(target) <= layerOf(from)),
    ).toEqual([])
  })
})

describe('core, the client, plugins and examples', () => {
  it('have no cycle of imports, type imports included', () => {
    const cycles = new Set<string>()
    const done = new Set<string>()
    const visit = (path: string, way: readonly string[]) => {
      if (way.includes(path)) {
        cycles.add([...way.slice(way.indexOf(path)), path].join(' -> '))
        return
      }
      if (done.has(path)) return
      for (const { target } of graph.get(path) ?? []) if (graph.has(target)) visit(target, [...way, path])
      done.add(path)
    }
    for (const path of graph.keys()) visit(path, [])
    expect([...cycles]).toEqual([])
  })
})

/** Whether it is an import of a third party in the folder of the client that is for it. */
const isThirdParty = ({ from, target }: Edge) =>
  (isIn('client/socketio')(from) && target === 'socket.io-client') ||
  (isIn('client/react')(from) && target === 'react')

describe('the client', () => {
  it('loads only itself and the browser-safe folders of core', () => {
    const allowed = (edge: Edge) =>
      edge.typeOnly || isIn('client')(edge.target) || isBrowserSafe(edge.target) || isThirdParty(edge)
    expect(breaking(client, allowed)).toEqual([])
  })

  it('imports only core and itself, types included', () => {
    const allowed = (edge: Edge) =>
      isIn('client')(edge.target) || isIn('core')(edge.target) || isThirdParty(edge)
    expect(breaking(client, allowed)).toEqual([])
  })

  it('has stores that know no framework, and is itself without stores and React', () => {
    const isReact = isIn('client/react')
    const isStore = isIn('client/store')
    const allowed = ({ from, target }: Edge) =>
      isReact(from) || (!isReact(target) && target !== 'react' && (isStore(from) || !isStore(target)))
    expect(breaking(client, allowed)).toEqual([])
  })

  it('uses browser-safe folders of core, which load only each other', () => {
    const allowed = ({ target, typeOnly }: Edge) => typeOnly || isBrowserSafe(target)
    expect(breaking(core.filter(isBrowserSafe), allowed)).toEqual([])
  })
})

describe('a plugin', () => {
  it('imports core, itself, and of another plugin only its tokens; the testing kit also imports the client', () => {
    const allowed = ({ from, target }: Edge) =>
      !graph.has(target) ||
      isIn('core')(target) ||
      (isIn('plugins/testing')(from) && isIn('client')(target)) ||
      isIn(houseOf(from))(target) ||
      (isIn('plugins')(target) && posix.basename(target) === 'tokens.ts')
    expect(breaking(plugins, allowed)).toEqual([])
  })

  it('has tokens that load only core', () => {
    const tokens = plugins.filter((path) => posix.basename(path) === 'tokens.ts')
    expect(tokens.length).toBeGreaterThan(0)
    expect(breaking(tokens, ({ target, typeOnly }) => typeOnly || isIn('core')(target))).toEqual([])
  })

  it('shares its third party with no other: one package is loaded in one folder', () => {
    const folders = new Map<string, Set<string>>()
    for (const { from, target, typeOnly } of edges(published)) {
      if (typeOnly || !isPackage(target)) continue
      const name = packageOf(target)
      folders.set(name, (folders.get(name) ?? new Set()).add(houseOf(from)))
    }
    // The scope of core and its decorators share these packages.
    const shared = ['tsyringe', 'reflect-metadata']
    for (const name of shared) {
      expect(
        [...(folders.get(name) ?? [])].filter((folder) => !['core', 'plugins/di'].includes(folder)),
      ).toEqual([])
      folders.delete(name)
    }
    expect([...folders].filter(([, where]) => where.size > 1)).toEqual([])
    expect([...folders.keys()]).toContain('ws')
  })
})

describe('the testing kit', () => {
  it('is imported by no other published file, types included', () => {
    const others = published.filter((path) => !isIn('plugins/testing')(path))
    const allowed = ({ target }: Edge) => !isIn('plugins/testing')(target) && target !== 'rookery/testing'
    expect(breaking(others, allowed)).toEqual([])
  })

  it('loads only core, the client, itself, and for the conformance suites vitest', () => {
    const kit = plugins.filter(isIn('plugins/testing'))
    expect(kit.length).toBeGreaterThan(10)
    const isForApps = (path: string) =>
      isIn('plugins/testing/app')(path) || isIn('plugins/testing/memory-cluster')(path)
    const allowed = ({ from, target }: Edge) =>
      isIn('core')(target) ||
      isIn('plugins/testing')(target) ||
      (isForApps(from) ? isIn('client')(target) : target === 'vitest')
    expect(breaking(kit, allowed)).toEqual([])
  })
})

describe('an example', () => {
  it('imports only published subpaths, packages, and files of examples', () => {
    const { name, exports } = JSON.parse(read('package.json'))
    const subpaths = Object.keys(exports).map((subpath) => posix.join(name, subpath))
    const isInTemplate = isIn(TEMPLATE)
    const allowed = ({ from, target }: Edge) =>
      target === name || target.startsWith(`${name}/`)
        ? subpaths.includes(target)
        : isInTemplate(from)
          ? isInTemplate(target) || !graph.has(target)
          : !/^(core|client|plugins|test)\//.test(target)
    expect(breaking(examples, allowed)).toEqual([])
  })
})

describe('every source', () => {
  it('lists its exports by name, without export *', () => {
    expect(published.filter((path) => /^\s*export\s*\*/m.test(read(path)))).toEqual([])
  })

  it('does not use the console, except the logger of the server and the debug log of the client', () => {
    const code = (path: string) => read(path).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    const users = published.filter((path) => /\bconsole\b\s*[.[]/.test(code(path)))
    expect(users.sort()).toEqual(['client/util/debug-log.ts', 'core/util/logger.ts'])
  })
})

describe('the length of a file', () => {
  /** Contracts: files with interfaces and the rules for their implementers. */
  const CONTRACTS = [
    'app/plugin',
    'app/scope',
    'bus/listener',
    'cluster/cluster',
    'contract/contract',
    'handlers/context',
    'handlers/handle',
    'sessions/session',
    'sessions/session-host',
    'sessions/sessions',
    'sessions/transport',
  ].map((name) => `core/${name}.ts`)
  const limitOf = (path: string) => {
    if (posix.basename(path) === 'index.ts') return 40
    if (path.startsWith('test/')) return 300
    return CONTRACTS.includes(path) ? 120 : 250
  }

  it('is at most 40 lines for an index, 120 for a contract, 250 for a source, 300 for a test', () => {
    const long = [...published, ...examples, ...sourcesOf('test')].flatMap((path) => {
      const lines = read(path).trimEnd().split('\n').length
      return lines > limitOf(path) ? [`${path}: ${lines} of ${limitOf(path)}`] : []
    })
    expect(long).toEqual([])
  })
})
