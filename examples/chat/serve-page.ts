import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Hono } from 'hono'

const bundle = async (entry: string): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    sourcemap: 'inline',
    write: false,
  })
  return outputFiles[0]!.text
}

/** Routes for the page in a folder: one bundled script, one bundled stylesheet, and the other files. */
export const servePage = async (folder = new URL('page/', import.meta.url)): Promise<Hono> => {
  const inPage = (name: string): string => fileURLToPath(new URL(name, folder))
  const [page, style, icon, script] = await Promise.all([
    readFile(inPage('index.html'), 'utf8'),
    bundle(inPage('style.css')),
    readFile(inPage('icon.svg'), 'utf8'),
    bundle(inPage('main.ts')),
  ])
  const routes = new Hono()
  routes.use(async (c, next) => {
    await next()
    c.header('cache-control', 'no-cache')
    // The page loads and runs only files of this server.
    c.header('content-security-policy', "default-src 'self'")
  })
  routes.get('/', (c) => c.html(page))
  routes.get('/page.js', (c) => c.body(script, 200, { 'content-type': 'text/javascript; charset=utf-8' }))
  routes.get('/style.css', (c) => c.body(style, 200, { 'content-type': 'text/css; charset=utf-8' }))
  routes.get('/icon.svg', (c) => c.body(icon, 200, { 'content-type': 'image/svg+xml' }))
  return routes
}
