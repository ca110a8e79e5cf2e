import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, it, onTestFinished, vi } from 'vitest'
import { startApp } from './apps.ts'
import { haproxy } from './haproxy.ts'
import { startProxy } from './proxy.ts'

/** HAProxy's status of the first app, and the result of the last check. */
const statusOf = async (path: string): Promise<string> => {
  const socket = connect(path)
  await once(socket, 'connect')
  socket.end('show stat\n')
  const [head = '', ...rows] = (await text(socket)).replace(/^# /, '').trim().split('\n')
  const names = head.split(',')
  const row = rows.map((line) => line.split(',')).find((fields) => fields[names.indexOf('svname')] === 'app1')
  return ['status', 'check_status', 'check_code'].map((name) => row?.[names.indexOf(name)]).join(' ')
}

// Caddy has no such list: the rolling stop shows that it skips a stopping app. nginx does not check health.
it.each([
  ['option httpchk', 'UP L7OK 204', /^UP L7OK 204$/],
  ['option httpchk GET /readyz', 'UP L7OK 200', /^DOWN L7STS 503$/],
])('HAProxy checks the health of an app by %s', async (option, well, draining) => {
  const app = await startApp(undefined, { DRAIN_DELAY: '5s' })
  onTestFinished(() => app.stop(0))
  let statistics = ''
  const proxy = await startProxy(haproxy, [app.port], (config) => {
    statistics = join(/crt (.*)\/example/.exec(config)?.[1] as string, 'statistics')
    return `global\n  stats socket ${statistics}\n${config.replace('option httpchk GET /readyz', option)}`
  })
  onTestFinished(() => proxy.stop())
  await vi.waitFor(async () => expect(await statusOf(statistics)).toBe(well))
  const stopped = app.stop(30_000)
  await vi.waitFor(async () => expect(await statusOf(statistics)).toMatch(draining))
  expect(app.running).toBe(true)
  await stopped
})
