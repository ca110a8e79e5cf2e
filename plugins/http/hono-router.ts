import type { IncomingMessage, RequestListener } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono, MiddlewareHandler } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'
import type { Origins } from './origin-policy.ts'

/** Anything that answers requests the way Hono does. */
export interface FetchApp {
  // biome-ignore lint/suspicious/noExplicitAny: an app with any bindings fits
  fetch(request: Request, env?: any): Response | Promise<Response>
}

/** The packages behind the router. They are loaded when an app starts that has routes. */
export interface HonoPackages {
  readonly Hono: typeof import('hono').Hono
  readonly getRequestListener: typeof import('@hono/node-server').getRequestListener
}

/** @throws `plugin_failed` where they are not installed */
export const loadHono = async (): Promise<HonoPackages> => {
  try {
    const [{ Hono }, { getRequestListener }] = await Promise.all([
      import('hono'),
      import('@hono/node-server'),
    ])
    return { Hono, getRequestListener }
  } catch (cause) {
    throw new RookeryError(
      'plugin_failed',
      'http(): routes and a server of its own need two packages: npm install hono @hono/node-server',
      { cause },
    )
  }
}

const answer = (c: Context, error: RookeryError): Response =>
  c.json({ error: error.toJSON() }, error.status as ContentfulStatusCode)

/** The router that plugins add their routes to: it answers errors as Rookery does. */
export const createRouter = ({ Hono }: HonoPackages, log: Logger): Hono => {
  const router = new Hono()
  router.onError((error, c) => {
    if (error instanceof RookeryError && error.status !== 500) return answer(c, error)
    // The client has gone: that is not a fault of the server.
    if (c.req.raw.signal.aborted) return answer(c, new RookeryError('disconnected'))
    const id = crypto.randomUUID()
    log.error({ err: error, errorId: id, path: c.req.path, stage: 'request' }, 'a request failed')
    return answer(c, new RookeryError('internal', undefined, { id }))
  })
  router.notFound((c) => answer(c, new RookeryError('not_found')))
  return router
}

/** Adds CORS headers for origins that are allowed, where the routes say nothing of CORS themselves. */
export const addCors = (router: Hono, origins: Origins): void => {
  const cors: MiddlewareHandler = async (c, next) => {
    await next()
    const origin = c.req.header('origin')
    const isPreflight =
      c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined
    if (hasOwnCors(c.res)) return
    c.header('vary', 'Origin', { append: true })
    if (origin === undefined || !(await origins.listsInTime(origin))) return
    const isUnanswered = c.res.status === 404 || c.res.status === 405
    if (isPreflight && isUnanswered) c.res = preflight(c)
    c.header('access-control-allow-origin', origin)
    c.header('access-control-allow-credentials', 'true')
  }
  router.use(cors)
}

/** Whether a route has decided about the origin itself, also if it has said no. */
const hasOwnCors = ({ headers }: Response): boolean =>
  headers.has('access-control-allow-origin') || /(^|[,\s])origin([,\s]|$)/i.test(headers.get('vary') ?? '')

const preflight = (c: Context): Response => {
  const wanted = c.req.header('access-control-request-headers')
  return new Response(null, {
    status: 204,
    headers: {
      vary: 'Origin',
      'access-control-allow-methods': 'GET, HEAD, PUT, POST, DELETE, PATCH',
      ...(wanted !== undefined && { 'access-control-allow-headers': wanted }),
    },
  })
}

/** Whether a request has a body, which may be empty. */
const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined

/**
 * Adds the user's routes, which answer what no plugin does. Only requests with a body are looked at for its size.
 *
 * @param bodyLimit largest body, in bytes
 */
export const addUserRoutes = (router: Hono, routes: FetchApp, bodyLimit: number): void => {
  const tooLarge = () => new RookeryError('payload_too_large', `The body has more than ${bodyLimit} bytes`)
  router.all('*', async (c) => {
    const { incoming } = c.env as HttpBindings
    if (!hasBody(incoming)) return routes.fetch(c.req.raw, c.env)
    if (Number(incoming.headers['content-length'] ?? 0) > bodyLimit) throw tooLarge()
    if (incoming.headers['transfer-encoding'] === undefined) return routes.fetch(c.req.raw, c.env)
    const counter = new ByteCounter(bodyLimit, tooLarge)
    const response = await routes.fetch(counter.limit(c.req.raw), c.env)
    if (counter.exceeded) throw tooLarge()
    return response
  })
}

/** Counts the bytes of a body while they stream. */
class ByteCounter {
  exceeded = false
  readonly #limit: number
  readonly #error: () => RookeryError

  constructor(limit: number, error: () => RookeryError) {
    this.#limit = limit
    this.#error = error
  }

  /** The same request; reading its body fails past the limit. */
  limit({ url, method, headers, body, signal }: Request): Request {
    if (!body) return new Request(url, { method, headers, signal })
    let bytes = 0
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        bytes += chunk.length
        this.exceeded ||= bytes > this.#limit
        if (this.exceeded) controller.error(this.#error())
        else controller.enqueue(chunk)
      },
    })
    const init = { method, headers, signal, body: body.pipeThrough(counter), duplex: 'half' }
    return new Request(url, init as RequestInit)
  }
}

/**
 * Routes that get requests of the platform's class: `new Request(request)` fails with Hono's own, unless that has taken the
 * place of the global one.
 */
export const platformRequests = (routes: FetchApp): FetchApp => ({
  fetch: (request, env) => {
    const { url, method, headers, body, signal } = request
    return routes.fetch(
      new Request(url, { method, headers, body, signal, duplex: 'half' } as RequestInit),
      env,
    )
  },
})

/**
 * The router as a listener of Node's.
 *
 * @param ours whether the server is the app's own: then Hono's faster classes take the place of the global `Request` and
 * `Response`. On a server of the user's nothing global changes, and `routes` get requests of the platform's class.
 */
export const listenerOf = (
  { getRequestListener }: HonoPackages,
  router: Hono,
  ours: boolean,
): RequestListener => {
  // HTTP/1.0 has no `Host`, and load balancers check servers with it.
  const listener = getRequestListener(router.fetch, { hostname: 'localhost', overrideGlobalObjects: ours })
  return (request, response) => void listener(request, response)
}

/**
 * Paths that the routes of plugins are on, for servers whose other paths are the user's: of a route with parameters or a
 * wildcard, what comes before them. Middleware for all paths counts for nothing.
 */
export const pathsOf = ({ routes }: Hono): ReadonlyMap<string, { readonly below: boolean }> => {
  const paths = new Map<string, { readonly below: boolean }>()
  for (const { path } of routes) {
    const [, fixed = '', rest = ''] = /^((?:\/[^:*/]+)*)(.*)$/.exec(path) ?? []
    const below = rest !== '' && rest !== '/'
    if (fixed !== '') paths.set(fixed, { below: below || paths.get(fixed)?.below === true })
  }
  return paths
}
