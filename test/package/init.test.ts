import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from 'rookery/client'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { contract } from '../../plugins/init/template/contract.ts'
import { useChromium } from '../support/chromium.ts'
import { freePort, startProcess } from '../support/processes.ts'
import { type Package, type Project, pack } from './project.ts'
import { read } from './sources.ts'

const manifest = JSON.parse(read('package.json'))
const template = JSON.parse(read('plugins/init/template/package.json'))

/** Packages of the app. Vite is in the repository's `node_modules` because vitest needs it. */
const PACKAGES = Object.keys({ ...template.dependencies, ...template.devDependencies }).filter(
  (name) => name !== 'rookery',
)
const FILES = [
  '.gitignore',
  'README.md',
  'chat.test.ts',
  'chat.ts',
  'contract.ts',
  'dev.ts',
  'package.json',
  'page/index.html',
  'page/main.ts',
  'page/style.css',
  'server.ts',
  'tsconfig.json',
  'vite.config.ts',
]

let rookery: Package
/** A project with only Rookery, whose program writes the apps. */
let tool: Project
let app: Project

/** Runs the program of the tarball, in a folder. */
const runIn = (folder: string, ...args: string[]) =>
  tool.run(join(tool.folder, 'node_modules/rookery', manifest.bin.rookery), args, folder)
const run = (...args: string[]) => runIn(tool.folder, ...args)

/** Creates a folder with files in the folder of the tool. */
const createFolder = (name: string, files: readonly string[]): string => {
  const folder = join(tool.folder, name)
  mkdirSync(folder)
  for (const file of files) writeFileSync(join(folder, file), 'mine')
  return folder
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()

beforeAll(async () => {
  rookery = await pack()
  tool = rookery.install([])
}, 120_000)
afterAll(() => rookery?.remove())

describe('rookery init', () => {
  it('writes an app into a new folder, and prints the next steps', async () => {
    const { code, stdout, stderr } = await run('init', 'apps/my-app')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Next steps:\n\n  cd apps/my-app\n  npm install\n  npm run dev')
    const folder = join(tool.folder, 'apps/my-app')
    expect(filesIn(folder)).toEqual(FILES)
    const written = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    expect(written).toEqual({
      ...template,
      name: 'my-app',
      dependencies: { ...template.dependencies, rookery: `^${manifest.version}` },
    })
  })

  it('writes into the current folder if that has only a repository', async () => {
    const folder = createFolder('here', [])
    mkdirSync(join(folder, '.git'))
    const { code, stdout } = await runIn(folder, 'init')
    expect(code).toBe(0)
    expect(stdout).toContain('Next steps:\n\n  npm install\n')
    expect(filesIn(folder)).toEqual(FILES)
  })

  it('refuses a folder that has files, and writes nothing', async () => {
    const folder = createFolder('full', ['notes.txt'])
    const { code, stderr } = await run('init', 'full')
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('is not empty') })
    expect(filesIn(folder)).toEqual(['notes.txt'])
  })

  it('writes beside other files with --force', async () => {
    const folder = createFolder('mixed', ['notes.txt'])
    expect(await run('init', 'mixed', '--force')).toMatchObject({ code: 0 })
    expect(filesIn(folder)).toEqual([...FILES, 'notes.txt'].sort())
  })

  it('names the files that it would replace, also with --force, and writes nothing', async () => {
    const folder = createFolder('taken', ['chat.ts', 'page', 'notes.txt'])
    symlinkSync('nowhere', join(folder, 'server.ts'))
    const { code, stderr } = await run('init', 'taken', '--force')
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/no file is replaced: page, chat\.ts, server\.ts\n$/),
    })
    expect(filesIn(folder)).toEqual(['chat.ts', 'notes.txt', 'page'])
    expect(readFileSync(join(folder, 'chat.ts'), 'utf8')).toBe('mine')
  })

  it('refuses a path of a file', async () => {
    createFolder('some', ['file'])
    expect(await run('init', 'some/file')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/some\/file is not a folder\n$/),
    })
  })

  it.each([
    ['My-App', 'lower-case letters'],
    ['_app', 'begin with a letter or a digit'],
    ['an app', 'lower-case letters'],
    ['a'.repeat(215), 'at most 214 characters'],
    ['node_modules', 'npm reserves this name'],
    ['zod', 'needs a package of this name'],
    ['rookery', 'needs a package of this name'],
  ])('refuses the name %s', async (name, reason) => {
    const before = filesIn(tool.folder).length
    expect(await run('init', join('names', name))).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(reason),
    })
    expect(filesIn(tool.folder)).toHaveLength(before)
  })

  it.each([
    [[], 'there is no command'],
    [['serve'], "'serve' is not a command"],
    [['init', 'a', 'b'], "'init' takes one folder, not 2"],
    [['init', 'a', '--fast'], "Unknown option '--fast'"],
    [['init', 'a', '--force=yes'], "'--force' does not take an argument"],
  ])('refuses the arguments %j with exit code 2 and the usage', async (args, reason) => {
    const { code, stdout, stderr } = await run(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(reason)
    expect(stderr).toContain('Usage: rookery init [folder] [--force]')
  })

  it('prints its usage and its version', async () => {
    for (const option of ['--help', '-h']) {
      expect(await run(option)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: /) })
    }
    expect(await run('--version')).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
  })
})

describe('the app that it writes', () => {
  const { open } = useChromium()

  beforeAll(async () => {
    expect(await run('init', 'app')).toMatchObject({ code: 0 })
    const dependencies = [...new Set([...Object.keys(manifest.dependencies), ...PACKAGES])]
    app = rookery.install([...dependencies, 'undici-types'], join(tool.folder, 'app'))
  })

  /** Runs a script of its package.json. */
  const script = (name: string) => app.run('npm', ['run', '--silent', name])

  /** Sends a message with a client, and resolves with the message that comes from the server. */
  const sendMessage = async (url: string, text: string) => {
    const client = createClient<typeof contract>({ url, WebSocket })
    onTestFinished(() => client.close())
    const received = new Promise((resolve) => client.subscribe('chat/messages', resolve))
    await client.call('chat/send', { from: 'Ada', text })
    return await received
  }

  it('has the versions of packages with which Rookery is tested', () => {
    const { vite, ...others } = template.devDependencies
    const tested = { ...manifest.dependencies, ...manifest.devDependencies, rookery: '*' }
    expect(vite).toMatch(/^\^\d+\.\d+\.\d+$/)
    expect(tested).toMatchObject({ ...template.dependencies, ...others })
    expect(template.engines).toEqual(manifest.engines)
  })

  it('passes its tests', async () => {
    const { code, stdout, stderr } = await script('test')
    expect(code, stdout + stderr).toBe(0)
    expect(stdout).toMatch(/3 passed/)
  })

  it('compiles, builds its page, and serves it with live messages', async () => {
    const built = await script('build')
    expect(built.code, built.stdout + built.stderr).toBe(0)
    const server = await startProcess(join(app.folder, 'node_modules/.bin/tsx'), ['server.ts'], {
      cwd: app.folder,
      env: { PORT: '0', NODE_ENV: 'production' },
      ready: /^The app is open: (http:\S+)$/,
    })
    const url = server.match[1] as string
    expect(await sendMessage(url, 'from a client')).toMatchObject({ from: 'Ada', text: 'from a client' })

    const page = await open()
    await page.goto(url)
    await page.getByRole('status').getByText('Connected').waitFor()
    await page.getByRole('log').getByText('from a client').waitFor()
    await page.getByLabel('Your name').fill('Bob')
    await page.getByLabel('Message', { exact: true }).fill('from a page')
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByRole('log').getByText('from a page').waitFor()
    await page.reload()
    await page.getByRole('log').getByText('from a page').waitFor()

    expect(await server.kill('SIGINT')).toMatchObject({ code: 0 })
    expect(server.output()).toBe(`The app is open: ${url}`)
  })

  it('runs in development with Vite in front, and ends on SIGINT', async () => {
    const development = await startProcess(join(app.folder, 'node_modules/.bin/tsx'), ['watch', 'dev.ts'], {
      cwd: app.folder,
      env: { PORT: String(await freePort()), NODE_ENV: undefined, NO_COLOR: '1' },
      ready: /Local: +(http:\S+?)\/$/,
    })
    const url = development.match[1] as string
    expect(await sendMessage(url, 'through Vite')).toMatchObject({ text: 'through Vite' })
    const page = await open()
    await page.goto(url)
    await page.getByRole('log').getByText('through Vite').waitFor()
    await page.close()
    await development.kill('SIGINT')
    await expect(fetch(url)).rejects.toThrow()
  })
})
