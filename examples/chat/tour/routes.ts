import { readFile } from 'node:fs/promises'
import { Hono } from 'hono'
import type { SlowReaderReport } from './slow-reader.ts'

/** What the panel of the page can do besides what every page can. */
export interface TourOptions {
  /** File of the handlers that the page shows. */
  readonly source: URL
  /** Stops the app and starts it again. */
  readonly restart?: () => Promise<void>
  readonly slowReader?: () => Promise<SlowReaderReport>
  /** Whether there are several nodes: then the balancer answers `/tour/nodes` and `/tour/kill`. */
  readonly hasNodes?: boolean
}

/** HTTP routes of the panel: what it can do, and the source of the handlers. */
export const tourRoutes = async (options: TourOptions): Promise<Hono> => {
  const { restart, slowReader, hasNodes = false } = options
  const source = await readFile(options.source, 'utf8')
  const routes = new Hono()
  let busy = false

  /** One at a time: everybody in the room shares the server. */
  const alone = async <T>(act: () => Promise<T>): Promise<T | undefined> => {
    if (busy) return undefined
    busy = true
    try {
      return await act()
    } finally {
      busy = false
    }
  }

  // Pages of other sites must not restart the server.
  routes.use(async (c, next) => {
    const site = c.req.header('sec-fetch-site') ?? 'same-origin'
    if (c.req.method === 'POST' && site !== 'same-origin') return c.json({ error: 'forbidden' }, 403)
    return await next()
  })
  routes.get('/', (c) => c.json({ restart: !!restart, slowReader: !!slowReader, nodes: hasNodes }))
  routes.get('/source', (c) => c.text(source))
  if (restart) {
    routes.post('/restart', (c) => {
      if (busy) return c.json({ error: 'busy' }, 409)
      // After the answer: a stop waits for requests under way.
      setImmediate(() => alone(restart).catch((error: unknown) => console.error(error)))
      return c.json({}, 202)
    })
  }
  if (slowReader) {
    routes.post('/slow-reader', async (c) => {
      const report = await alone(slowReader)
      return report ? c.json(report) : c.json({ error: 'busy' }, 409)
    })
  }
  return routes
}
