import type { ServerResponse } from 'node:http'
import type { App } from '../../core/app/app.ts'
import { Readiness } from '../../core/app/readiness.ts'
import type { PathRouter } from './path-router.ts'
import { sendJson } from './responses.ts'

/** Paths of the health checks. */
export interface HealthPaths {
  /** Answers 200 while the process runs. */
  readonly live?: string | undefined
  /** Answers 200 while the app is ready for connections, and 503 otherwise. For load balancers. */
  readonly ready?: string | undefined
}

const live = (response: ServerResponse): void => sendJson(response, 200, { status: 'ok' })

/** Answers 200 while the app takes connections and all parts that it needs are available. */
const ready = (app: App, response: ServerResponse): void => {
  const { ready, checks } = app.scope.get(Readiness).report()
  const started = app.state === 'started'
  const status = started ? (ready ? 'ready' : 'degraded') : app.state
  sendJson(response, started && ready ? 200 : 503, { status, checks })
}

/** Adds the health checks of an app. @throws `invalid_option` when a handler has one of the paths */
export const addHealthChecks = (router: PathRouter, app: App, paths: HealthPaths): void => {
  if (paths.live !== undefined) router.onPublicRequest(paths.live, (_request, response) => live(response))
  if (paths.ready !== undefined) {
    router.onPublicRequest(paths.ready, (_request, response) => ready(app, response))
  }
}
