import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { App } from 'rookery'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { useChromium } from '../support/chromium.ts'
import { ROOT, readPages } from '../support/docs.ts'
import { startProcess } from '../support/processes.ts'

const chromium = useChromium()

const RECIPE = ['realtime.ts', 'use-latest.ts', 'use-connection.ts', 'score.tsx']

/** Renders on the server, as a framework does: without `location`. */
const SERVER_ENTRY = `
import { renderToString } from 'react-dom/server'
import { Score } from './score.tsx'
console.log('html ' + renderToString(<Score />))
`

/** Hydrates the HTML of the server in StrictMode. The page can unmount the component. */
const PAGE_ENTRY = `
import { StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { Score } from './score.tsx'
const root = hydrateRoot(document.getElementById('root'), <StrictMode><Score /></StrictMode>)
window.unmount = () => root.unmount()
`

/** Writes the samples of the page "The client" into a directory. */
const writeRecipe = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'rookery-react-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'), 'junction')
  const blocks = readPages().flatMap((page) => page.blocks)
  for (const name of RECIPE) {
    const found = blocks.filter((block) => block.name === name && block.page === 'docs/client.md')
    expect(found, name).toHaveLength(1)
    writeFileSync(join(directory, name), found[0]!.code)
  }
  return directory
}

const bundle = async (directory: string, name: string, entry: string): Promise<string> => {
  writeFileSync(join(directory, `${name}.tsx`), entry)
  const outfile = join(directory, `${name}.mjs`)
  await build({
    entryPoints: [join(directory, `${name}.tsx`)],
    outfile,
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    platform: name === 'server' ? 'node' : 'browser',
    // React's development build finds mistakes of a component and reports them on the console.
    define: { 'process.env.NODE_ENV': '"development"' },
    alias: { 'rookery/client': join(ROOT, 'client/index.ts') },
    banner:
      name === 'server'
        ? {
            js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
          }
        : {},
  })
  return outfile
}

/** Serves the page on the app's own server, so that the client finds the server by `location`. */
const start = async (html: string, script: string) => {
  const { Hono } = await import('hono')
  const routes = new Hono()
    .get('/', (context) =>
      context.html(
        `<!doctype html><div id="root">${html}</div><script type="module" src="/page.js"></script>`,
      ),
    )
    .get('/page.js', (context) => context.body(script, 200, { 'content-type': 'text/javascript' }))
    .get('/favicon.ico', (context) => context.body(null, 204))
  return await startApp({ http: { routes } })
}

const subscriptions = (app: App) => [...app.sessions].map((session) => session.subscriptions)

describe('the React recipe of the documentation', () => {
  it('renders on a server, hydrates in StrictMode, shows messages and unsubscribes', async () => {
    const directory = writeRecipe()
    // The process ends by itself: an idle client keeps nothing open.
    const server = await startProcess(process.execPath, [await bundle(directory, 'server', SERVER_ENTRY)], {
      cwd: directory,
      ready: /^html (.*)$/,
    })
    const html = server.match[1]!
    expect(html).toContain('No score yet')

    const script = readFileSync(await bundle(directory, 'page', PAGE_ENTRY), 'utf8')
    const { app, url } = await start(html, script)
    const page = await chromium.open()
    const frames: string[] = []
    page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => frames.push(String(payload)))
    })
    await page.goto(url)
    await page.getByText('No score yet (open)').waitFor()
    await vi.waitFor(() => expect(subscriptions(app)).toEqual([['match/7/score']]))
    await app.publish('match/7/score', { home: 2, away: 1 })
    await page.getByText('2 : 1 (open)').waitFor()
    expect(frames.filter((frame) => frame.includes('subscribe'))).toHaveLength(1)

    await page.evaluate('unmount()')
    await vi.waitFor(() => expect(subscriptions(app)).toEqual([[]]))
  })
})
