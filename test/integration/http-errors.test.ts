import { definePlugin, type ErrorReport } from 'rookery'
import { HttpRoutes, HttpServer } from 'rookery/http'
import { expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { upgradeAnswer } from '../support/upgrade-answer.ts'

it('errors of routes, request handlers and upgrade handlers of http() reach app.onError with their path', async () => {
  const fault = new Error('broken')
  const failing = () => {
    throw fault
  }
  const plugin = definePlugin({
    name: 'failing',
    requires: [HttpRoutes],
    start(scope) {
      scope.get(HttpRoutes).get('/route', failing)
      scope.get(HttpServer).onRequest('/handler', failing)
      scope.get(HttpServer).onUpgrade('/upgrade', failing)
    },
  })
  const reports: ErrorReport[] = []
  const { url, lines } = await startApp({
    plugins: [plugin],
    http: { routes: { fetch: failing } },
    prepare: (app) => void app.onError((report) => reports.push(report)),
  })
  for (const path of ['/route', '/handler', '/elsewhere']) {
    const response = await fetch(`${url}${path}`)
    expect(response.status).toBe(500)
    const { id } = ((await response.json()) as { error: { id: string } }).error
    expect(reports.at(-1)).toMatchObject({ error: fault, stage: 'request', path, id })
  }
  expect((await upgradeAnswer(`${url}/upgrade`)).status).toBe(500)
  expect(reports.at(-1)).toMatchObject({ error: fault, stage: 'upgrade', path: '/upgrade' })
  expect(lines.filter(({ msg }) => msg === 'a request failed').map(({ errorId }) => errorId)).toEqual(
    reports.map(({ id }) => id),
  )
})
