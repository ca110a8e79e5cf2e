import type { ServerResponse } from 'node:http'
import type { App } from '../../core/app/app.ts'
import { Readiness } from '../../core/app/readiness.ts'
import type { NodeRouter } from './path-router.ts'
import { answerJson } from './responses.ts'

/** Paths of the health checks: of the one that says that the process lives, and of the one for load balancers. */
export interface HealthPaths {
  readonly live?: string | undefined
  readonly ready?: string | undefined
}

const live = (response: ServerResponse): void => answerJson(response, 200, { status: 'ok' })

/** 200 while the app takes connections and every part that it needs is there. */
const ready = (app: App, response: ServerResponse): void => {
  const { ready, checks } = app.scope.get(Readiness).report()
  const started = app.state === 'started'
  const status = started ? (ready ? 'ready' : 'degraded') : app.state
  answerJson(response, started && ready ? 200 : 503, { status, checks })
}

/** Adds the health checks of an app. @throws `invalid_option` */
export const addHealth = (router: NodeRouter, app: App, paths: HealthPaths): void => {
  if (paths.live !== undefined) router.onPublicRequest(paths.live, (_request, response) => live(response))
  if (paths.ready !== undefined) {
    router.onPublicRequest(paths.ready, (_request, response) => ready(app, response))
  }
}
