import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { App } from 'rookery'
import { rooms } from 'rookery/rooms'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { useChromium } from '../support/chromium.ts'
import { ROOT, readPages } from '../support/docs.ts'
import { startProcess } from '../support/processes.ts'

const chromium = useChromium()

const SAMPLES = ['realtime.ts', 'app.tsx', 'messages.tsx', 'members.tsx', 'send.tsx', 'status.tsx']

/** What a server and a page render. */
const TREE_ENTRY = `
import { StrictMode, useState } from 'react'
import { App } from './app.tsx'
import { Members } from './members.tsx'
import { Messages } from './messages.tsx'
import { Send } from './send.tsx'
import { Status } from './status.tsx'
const Room = () => {
  const [isShown, show] = useState(true)
  globalThis.show = show
  return isShown ? <><Messages room="42" /><Members name="42" /></> : <p>Nothing</p>
}
export const Tree = () => <StrictMode><App><Status /><Room /><Send room="42" /></App></StrictMode>
`

/** Renders on the server, as a framework does: without `location`. */
const SERVER_ENTRY = `
import { renderToString } from 'react-dom/server'
import { Tree } from './tree.tsx'
console.log('html ' + renderToString(<Tree />))
`

/** Hydrates the HTML of the server. */
const PAGE_ENTRY = `
import { hydrateRoot } from 'react-dom/client'
import { Tree } from './tree.tsx'
const root = hydrateRoot(document.getElementById('root'), <Tree />)
window.unmount = () => root.unmount()
`

/** Writes the samples of the page "React" into a directory. */
const writeSamples = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'rookery-react-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'), 'junction')
  const blocks = readPages().flatMap((page) => page.blocks)
  for (const name of SAMPLES) {
    const found = blocks.filter((block) => block.name === name && block.page === 'docs/react.md')
    expect(found, name).toHaveLength(1)
    writeFileSync(join(directory, name), found[0]!.code)
  }
  writeFileSync(join(directory, 'tree.tsx'), TREE_ENTRY)
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
    alias: {
      'rookery/client': join(ROOT, 'client/index.ts'),
      'rookery/react': join(ROOT, 'client/react/index.ts'),
    },
    banner:
      name === 'server'
        ? {
            js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
          }
        : {},
  })
  return outfile
}

interface Message {
  readonly id: string
  readonly from: string
  readonly text: string
}

/** Serves the page on the app's own server, so that the client finds the server by `location`. */
const start = async (html: string, script: string) => {
  const { Hono } = await import('hono')
  const stored: Message[] = [{ id: '1', from: 'ada', text: 'stored before' }]
  const routes = new Hono()
    .get('/', (context) =>
      context.html(
        `<!doctype html><div id="root">${html}</div><script type="module" src="/page.js"></script>`,
      ),
    )
    .get('/page.js', (context) => context.body(script, 200, { 'content-type': 'text/javascript' }))
    .get('/rooms/42/messages', (context) => context.json(stored))
    .get('/favicon.ico', (context) => context.body(null, 204))
  const publish = async (text: string) => {
    const message = { id: `${stored.length + 1}`, from: 'bob', text }
    stored.push(message)
    await app.publish('rooms/42/messages', message)
    return { id: message.id }
  }
  const { app, url } = await startApp({
    http: { routes },
    plugins: [rooms()],
    prepare: (app) => app.handle('chat/send', (_ctx, payload) => publish((payload as Message).text)),
  })
  return { app, url, publish }
}

const subscriptions = (app: App) => [...app.sessions].map((session) => session.subscriptions)

describe('the samples of the page "React"', () => {
  it('render on a server, hydrate in StrictMode, and cost one frame for each topic and room', async () => {
    const directory = writeSamples()
    // The process ends by itself: hooks that are only rendered keep nothing open.
    const server = await startProcess(process.execPath, [await bundle(directory, 'server', SERVER_ENTRY)], {
      cwd: directory,
      ready: /^html (.*)$/,
    })
    const html = server.match[1]!
    expect(html).toContain('Connecting …')

    const script = readFileSync(await bundle(directory, 'page', PAGE_ENTRY), 'utf8')
    const { app, url, publish } = await start(html, script)
    const page = await chromium.open()
    const frames: string[] = []
    page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => {
        const { type, topic } = JSON.parse(String(payload))
        if (type !== 'pong') frames.push(type ?? topic)
      })
    })
    await page.goto(url)
    await page.getByText('ada: stored before').waitFor()
    await page.getByText('Guest').waitFor()
    expect(subscriptions(app)[0]).toContain('rooms/42/messages')
    await publish('published')
    await page.getByText('bob: published').waitFor()
    const once = ['room/join', 'room/members', 'subscribe']
    expect(frames.toSorted()).toEqual(once)

    // Unmounted and mounted again within the linger of 5 s.
    await page.evaluate('show(false)')
    await page.getByText('Nothing').waitFor()
    await page.evaluate('show(true)')
    await page.getByText('bob: published').waitFor()
    expect(frames.toSorted()).toEqual(once)

    await page.getByRole('textbox').fill('sent')
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByText('bob: sent').waitFor()

    await page.evaluate('unmount()')
    await vi.waitFor(() => expect(subscriptions(app)).toEqual([[]]))
    await vi.waitFor(() =>
      expect(frames.toSorted()).toEqual([...once, 'chat/send', 'room/leave', 'unsubscribe'].toSorted()),
    )
  })
})
