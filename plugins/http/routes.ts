import type { RequestListener } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { App } from '../../core/app.ts'
import { RookeryError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { Readiness } from '../../core/readiness.ts'
import { type AllowedOrigins, isAllowed } from './origin.ts'

/** Whatever answers requests the way Hono does. */
export interface FetchApp {
  // biome-ignore lint/suspicious/noExplicitAny: an app with any bindings fits
  fetch(request: Request, env?: any): Response | Promise<Response>
}

const errorResponse = (c: Context, error: RookeryError): Response =>
  c.json({ error: error.toJSON() }, error.status as ContentfulStatusCode)

/**
 * Answers with JSON on Node's own response: one of the platform's class has a stream, and half of all that a request
 * leaves to the garbage collector is that stream. With what CORS has to say, which is on Hono's response.
 */
const send = (c: Context, body: object, status: number, cors: boolean): Response => {
  const { outgoing } = c.env as HttpBindings
  if (cors) c.res.headers.forEach((value, name) => void outgoing.setHeader(name, value))
  const text = JSON.stringify(body)
  outgoing.statusCode = status
  outgoing.setHeader('content-type', 'application/json')
  outgoing.setHeader('content-length', Buffer.byteLength(text))
  outgoing.end(text)
  return RESPONSE_ALREADY_SENT
}

/** The router that plugins add their routes to. */
export const createRoutes = (app: App, log: Logger, allowedOrigins: AllowedOrigins | undefined): Hono => {
  const routes = new Hono()
  routes.onError((error, c) => {
    if (error instanceof RookeryError && error.status !== 500) return errorResponse(c, error)
    // Whoever asked has gone: nobody's fault here.
    if (c.req.raw.signal.aborted) return errorResponse(c, new RookeryError('disconnected'))
    const id = crypto.randomUUID()
    log.error({ err: error, errorId: id, path: c.req.path, stage: 'request' }, 'a request failed')
    return errorResponse(c, new RookeryError('internal', undefined, { id }))
  })
  const hasCors = allowedOrigins !== undefined
  if (hasCors) {
    const origin = (from: string) => (isAllowed(from, allowedOrigins) ? from : null)
    routes.use(cors({ origin, credentials: true }))
  }
  routes.get('/healthz', (c) => send(c, { status: 'ok' }, 200, hasCors))
  routes.get('/readyz', (c) => {
    const { ready, checks } = app.scope.get(Readiness).report()
    const started = app.state === 'started'
    const status = started ? (ready ? 'ready' : 'degraded') : app.state
    return send(c, { status, checks }, started && ready ? 200 : 503, hasCors)
  })
  return routes
}

/**
 * A request of the platform's own class: `bodyLimit` makes another of it to count a body of unknown length, which fails
 * with the one of Hono's server.
 */
const standardRequest = ({ url, method, headers, body, signal }: Request): Request =>
  new Request(url, { method, headers, body, signal, duplex: 'half' } as RequestInit)

/** Adds what answers when no plugin's route does: the user's routes, or else the listeners of their server. */
export const finishRoutes = (
  routes: Hono,
  fallback: {
    readonly routes: FetchApp | undefined
    readonly bodyLimit: number
    readonly others: RequestListener[]
  },
): void => {
  const { routes: own, others } = fallback
  if (own) {
    const tooLarge = new RookeryError(
      'payload_too_large',
      `The body has more than ${fallback.bodyLimit} bytes`,
    )
    routes.use(async (c, next) => {
      if (c.req.header('transfer-encoding') !== undefined) c.req.raw = standardRequest(c.req.raw)
      await next()
    })
    routes.use(bodyLimit({ maxSize: fallback.bodyLimit, onError: (c) => errorResponse(c, tooLarge) }))
    routes.all('*', (c) => own.fetch(c.req.raw, c.env))
  } else if (others.length > 0) {
    routes.notFound((c) => {
      const { incoming, outgoing } = c.env as HttpBindings
      for (const other of others) other(incoming, outgoing)
      return RESPONSE_ALREADY_SENT
    })
  } else {
    routes.notFound((c) => errorResponse(c, new RookeryError('not_found')))
  }
}
