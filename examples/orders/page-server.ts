import type { RequestListener, Server } from 'node:http'
import { fileURLToPath } from 'node:url'

/** Serves the page. */
export interface PageServer {
  readonly answer: RequestListener
  close(): Promise<void>
}

const configFile = fileURLToPath(new URL('vite.config.ts', import.meta.url))

/** Serves the page with Vite in this process. An edit shows at once, over a WebSocket of Vite on the same server. */
export const developmentPage = async (server: Server): Promise<PageServer> => {
  const { createServer } = await import('vite')
  const vite = await createServer({ configFile, server: { middlewareMode: true, ws: { server } } })
  return { answer: vite.middlewares, close: () => vite.close() }
}

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/** Builds the page once, and serves it from memory. A real application runs `vite build` before it deploys. */
export const builtPage = async (): Promise<PageServer> => {
  const { build } = await import('vite')
  const built = await build({ configFile, logLevel: 'warn', build: { write: false } })
  if (!('output' in built)) throw new Error('Vite has built no page')
  const files = new Map(
    built.output.map((file) => [`/${file.fileName}`, file.type === 'chunk' ? file.code : file.source]),
  )
  const answer: RequestListener = ({ url = '/' }, response) => {
    const path = url === '/' ? '/index.html' : url
    const file = files.get(path)
    if (file === undefined) {
      response.writeHead(404).end()
      return
    }
    const type = TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream'
    // The page loads and runs only files of this server.
    response
      .writeHead(200, { 'content-type': type, 'content-security-policy': "default-src 'self'" })
      .end(file)
  }
  return { answer, close: async () => {} }
}
