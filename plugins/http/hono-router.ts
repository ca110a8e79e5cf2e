import type { IncomingMessage, RequestListener } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono, MiddlewareHandler } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ErrorReports } from '../../core/app/error-hook.ts'
import { publicError } from '../../core/protocol/coded-error.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { shortIds } from '../../core/util/short-ids.ts'
import type { OriginPolicy } from './origin-policy.ts'

/** An app that answers requests as Hono does. */
export interface FetchApp {
  // biome-ignore lint/suspicious/noExplicitAny: accepts an app with any bindings
  fetch(request: Request, env?: any): Response | Promise<Response>
}

/** The packages behind the router. `http()` loads them when an app with routes starts. */
export interface HonoPackages {
  readonly Hono: typeof import('hono').Hono
  readonly getRequestListener: typeof import('@hono/node-server').getRequestListener
}

/** Loads the packages. @throws `plugin_failed` when they are not installed */
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
      'http(): routes and the built-in server need two packages: npm install hono @hono/node-server',
      { cause },
    )
  }
}

const errorResponse = (c: Context, error: RookeryError): Response =>
  c.json({ error: error.toJSON() }, error.status as ContentfulStatusCode)

/** Creates the router to which plugins add their routes. It answers errors in Rookery's format. */
export const createRouter = ({ Hono }: HonoPackages, reports: ErrorReports): Hono => {
  const router = new Hono()
  router.onError((error, c) => {
    const visible = publicError(error)
    if (visible) return errorResponse(c, visible)
    // A client that is gone is not a fault of the server.
    if (c.req.raw.signal.aborted) return errorResponse(c, new RookeryError('disconnected'))
    const id = reports.failed(error, { stage: 'request', path: shortIds(c.req.path) }, 'a request failed')
    return errorResponse(c, new RookeryError('internal', undefined, { id }))
  })
  router.notFound((c) => errorResponse(c, new RookeryError('not_found')))
  return router
}

/** Adds CORS headers for allowed origins to responses of routes that do not handle CORS themselves. */
export const addCors = (router: Hono, policy: OriginPolicy): void => {
  const cors: MiddlewareHandler = async (c, next) => {
    await next()
    const origin = c.req.header('origin')
    const isPreflight =
      c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined
    if (hasOwnCors(c.res)) return
    c.header('vary', 'Origin', { append: true })
    if (origin === undefined || !(await policy.listsInTime(origin))) return
    const isUnanswered = c.res.status === 404 || c.res.status === 405
    if (isPreflight && isUnanswered) c.res = preflightResponse(c)
    c.header('access-control-allow-origin', origin)
    c.header('access-control-allow-credentials', 'true')
  }
  router.use(cors)
}

/** Whether a route has decided about the origin itself, also if it has refused it. */
const hasOwnCors = ({ headers }: Response): boolean =>
  headers.has('access-control-allow-origin') || /(^|[,\s])origin([,\s]|$)/i.test(headers.get('vary') ?? '')

const preflightResponse = (c: Context): Response => {
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
 * Adds the user's routes, which answer the requests on paths that no plugin has.
 *
 * @param bodyLimit largest body, in bytes; past it the answer is `payload_too_large`
 */
export const addUserRoutes = (router: Hono, routes: FetchApp, bodyLimit: number): void => {
  const tooLarge = () =>
    new RookeryError('payload_too_large', `The body of the request has more than ${bodyLimit} bytes`)
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

/** Counts the bytes of a body while a route reads it. */
class ByteCounter {
  exceeded = false
  readonly #limit: number
  readonly #error: () => RookeryError

  constructor(limit: number, error: () => RookeryError) {
    this.#limit = limit
    this.#error = error
  }

  /** Copies a request. Reading the body of the copy fails past the limit. */
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
 * Wraps routes so that they get requests of the platform's class. `new Request(request)` fails with a request of
 * Hono's class, unless Hono has replaced the global `Request`.
 */
export const withPlatformRequests = (routes: FetchApp): FetchApp => ({
  fetch: (request, env) => {
    const { url, method, headers, body, signal } = request
    return routes.fetch(
      new Request(url, { method, headers, body, signal, duplex: 'half' } as RequestInit),
      env,
    )
  },
})

/**
 * Creates a listener for Node's `request` event that passes requests to the router.
 *
 * @param isBuiltIn whether the listener is for the built-in server. If so, Hono replaces the global `Request` and
 * `Response` with its own faster classes. On the user's server nothing global changes.
 */
export const createListener = (
  { getRequestListener }: HonoPackages,
  router: Hono,
  isBuiltIn: boolean,
): RequestListener => {
  // Load balancers check servers with requests of HTTP/1.0, which have no `Host`.
  const listener = getRequestListener(router.fetch, {
    hostname: 'localhost',
    overrideGlobalObjects: isBuiltIn,
  })
  return (request, response) => void listener(request, response)
}

/**
 * The paths of the routes that plugins have added. On the user's server, the app takes only these. The path of a
 * route with parameters or a wildcard is the part before them, and includes the paths below it. Middleware for all
 * paths has no path.
 */
export const routePaths = ({ routes }: Hono): ReadonlyMap<string, { readonly below: boolean }> => {
  const paths = new Map<string, { readonly below: boolean }>()
  for (const { path } of routes) {
    const [, fixed = '', rest = ''] = /^((?:\/[^:*/]+)*)(.*)$/.exec(path) ?? []
    const below = rest !== '' && rest !== '/'
    if (fixed !== '') paths.set(fixed, { below: below || paths.get(fixed)?.below === true })
  }
  return paths
}
