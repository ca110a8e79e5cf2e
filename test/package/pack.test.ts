import { posix } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPages } from '../support/docs.ts'
import { type Package, type Project, pack } from './project.ts'
import { read } from './sources.ts'

const manifest = JSON.parse(read('package.json'))
const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json')
const specifierOf = (subpath: string) => `rookery${subpath.slice(1)}`

/** Packages behind plugins. The user installs the packages of the plugins in use. */
const OPTIONAL = Object.keys(manifest.peerDependencies)
/** Packages that `npm install rookery` installs, too. */
const BROUGHT = Object.keys(manifest.dependencies)

let rookery: Package
/** A project with only Rookery. */
let bare: Project
/** A project with Rookery, the packages behind plugins, and their types. */
let full: Project

beforeAll(async () => {
  rookery = await pack()
  bare = rookery.install(BROUGHT)
  full = rookery.install([...BROUGHT, ...OPTIONAL, 'zod', '@types/node', '@types/ws', 'undici-types'])
}, 120_000)
afterAll(() => rookery?.remove())

/** Names that an index exports at run time. */
const listedIn = (index: string): string[] =>
  [...read(index).matchAll(/^export (?!type\b)\{([^}]*)\}/gms)]
    .flatMap(([, names]) => (names ?? '').split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type '))
    .map((name) => name.split(' as ').at(-1) as string)
    .sort()

const sourceOf = (subpath: string) =>
  manifest.exports[subpath].default.replace('./dist/', '').replace(/\.js$/, '.ts')

describe('the package', () => {
  it('contains the build output with its types and the template, without sources, tests and examples', () => {
    const built = rookery.files.filter((path) => !path.startsWith('dist/plugins/init/template/'))
    const others = rookery.files.filter((path) => !path.startsWith('dist/'))
    const expected =
      /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|docs\/[\w-]+\.md|docs\/images\/[\w-]+\.(svg|gif))$/
    expect(others.filter((path) => !expected.test(path))).toEqual([])
    expect(built.filter((path) => /\.test\.|(^|\/)(test|examples)\/|\/\.build\.json$/.test(path))).toEqual([])
    expect(built.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([])
  })

  it('holds every file that a relative link of its pages leads to', () => {
    const { files } = rookery
    const outside = readPages()
      .flatMap(({ links }) => links)
      .filter(({ target }) => !/^([a-z]+:|#)/i.test(target))
      .filter(({ page, target }) => {
        const path = posix.join(posix.dirname(page), target.split('#')[0] ?? '')
        return !files.includes(path)
      })
      .map(({ page, line, target }) => `${page}:${line}: ${target} is not in the tarball`)
    expect(outside).toEqual([])
  })

  it('has a file for every target of exports', () => {
    for (const subpath of subpaths) {
      for (const target of Object.values<string>(manifest.exports[subpath])) {
        expect(rookery.files).toContain(target.replace('./', ''))
      }
    }
  })

  it('lists every plugin in exports', () => {
    const plugins = rookery.files.flatMap(
      (path) => /^dist\/plugins\/([^/]+)\/index\.js$/.exec(path)?.[1] ?? [],
    )
    expect(plugins.length).toBeGreaterThan(3)
    expect(plugins.filter((name) => !subpaths.includes(`./${name}`))).toEqual([])
  })
})

describe('importing', () => {
  it.each(['rookery', 'rookery/client', 'rookery/rooms', 'rookery/di', 'rookery/asyncapi'])(
    '%s works without the packages behind other plugins',
    async (specifier) => {
      const tries = OPTIONAL.map(
        (name) => `await import('${name}').then(() => found.push('${name}'), () => {})`,
      )
      const outcome = await bare.node(`
        const found = []
        ${tries.join('\n')}
        const module = await import('${specifier}')
        console.log(JSON.stringify({ found, exports: Object.keys(module).length }))`)
      expect(outcome.stderr).toBe('')
      expect(JSON.parse(outcome.stdout)).toMatchObject({ found: [], exports: expect.any(Number) })
    },
  )

  it('rookery alone is enough for an app that starts, delivers and stops', async () => {
    const outcome = await bare.node(`
      import { createApp } from 'rookery'
      const app = await createApp({ logger: 'silent' }).start()
      app.bus.subscribe('a/*', (event) => console.log(event.payload))
      await app.bus.publishAndWait('a/b', 'delivered')
      await app.stop()`)
    expect(outcome).toEqual({ code: 0, stdout: 'delivered\n', stderr: '' })
  })

  it('the client loads only its own files and the browser-safe folders of core, and no Node built-in', async () => {
    const hook = `
      import { writeSync } from 'node:fs'
      export const resolve = async (specifier, context, next) => {
        const result = await next(specifier, context)
        writeSync(1, result.url + '\\n')
        return result
      }`
    const outcome = await bare.node(`
      import { register } from 'node:module'
      register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)})
      await import('rookery/client')`)
    expect(outcome.stderr).toBe('')
    const loaded = outcome.stdout.trim().split('\n')
    expect(loaded.length).toBeGreaterThan(5)
    const expected = /\/rookery\/dist\/(client\/.*|core\/(topics|protocol|contract)\/[\w-]+)\.js$/
    expect(loaded.filter((url) => !expected.test(url))).toEqual([])
  })

  it.each(subpaths)('%s exports exactly the names that its index lists', async (subpath) => {
    const outcome = await full.node(`
      const module = await import('${specifierOf(subpath)}')
      console.log(JSON.stringify(Object.keys(module).sort()))`)
    expect(outcome.stderr).toBe('')
    const names = listedIn(sourceOf(subpath))
    expect(names.length).toBeGreaterThan(0)
    expect(JSON.parse(outcome.stdout)).toEqual(names)
  })

  it('a file that is not listed in exports fails', async () => {
    const outcome = await bare.node(`
      await import('rookery/dist/core/app/engine.js').catch((error) => console.log(error.code))
      await import('rookery/core').catch((error) => console.log(error.code))`)
    expect(outcome.stdout).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n'.repeat(2))
  })
})

describe('the types', () => {
  const sample = `
    import { Hono } from 'hono'
    import { createApp, createToken, definePlugin, RookeryError, topicMatches, type App } from 'rookery'
    import { createClient } from 'rookery/client'
    import { inject, injectable } from 'rookery/di'
    import { HttpServer, http } from 'rookery/http'
    import { rooms, Rooms } from 'rookery/rooms'
    import { websocket } from 'rookery/websocket'
    import { z } from 'zod'
    const app: App = createApp({ plugins: [http({ port: 0, routes: new Hono() }), websocket(), rooms()] })
    app.handle('chat/send', z.object({ text: z.string() }), async (ctx, { text }) => {
      const upper: string = text.toUpperCase()
      await ctx.publish('rooms/' + ctx.room + '/messages', { from: ctx.user.name, upper })
    })
    const url: string = app.scope.get(HttpServer).url
    const members: Promise<{ readonly items: readonly { readonly name: string }[] }> = app.scope.get(Rooms).members('42')
    const reply: Promise<number> = createClient({ url }).call<number>('a')
    export { createToken, definePlugin, inject, injectable, members, reply, RookeryError, topicMatches }`

  it.each([
    ['nodenext', { module: 'nodenext', moduleResolution: 'nodenext', target: 'es2022' }],
    ['bundler', { module: 'preserve', moduleResolution: 'bundler', target: 'es2022' }],
  ])('are found under %s, and have no errors without skipLibCheck', async (_name, options) => {
    const errors = await full.check(sample, { ...options, skipLibCheck: false, types: ['node'] })
    expect(errors).toEqual([])
  })

  it('of the client need only the libraries es2022 and dom, and no types of Node', async () => {
    const page = `
      import { createClient, type Message } from 'rookery/client'
      const client = createClient({ url: 'http://localhost:3000' })
      client.subscribe<{ text: string }>('rooms/*', (payload, message: Message) => [payload.text, message.topic])
      export const reply: Promise<number> = client.call<number>('a')`
    const options = { module: 'preserve', moduleResolution: 'bundler', target: 'es2022' }
    const errors = await bare.check(page, {
      ...options,
      lib: ['es2022', 'dom'],
      types: [],
      skipLibCheck: false,
    })
    expect(errors).toEqual([])
  })

  it('report invalid options', async () => {
    const wrong = `
      import { createApp } from 'rookery'
      createApp({ plugins: [42] })`
    const options = { module: 'nodenext', moduleResolution: 'nodenext', target: 'es2022', types: ['node'] }
    expect(await full.check(wrong, options)).toEqual([expect.stringContaining('TS2322')])
  })
})
