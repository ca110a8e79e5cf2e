import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createApp } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { rooms } from 'rookery/rooms'
import { websocket } from 'rookery/websocket'
import { answer } from '../ipc.mjs'

/** An app with the default limits. @param {string} hostname */
const createServer = (hostname) => {
  const app = createApp({
    plugins: [http({ port: 0, hostname }), websocket(), rooms({ announce: false })],
    logger: 'error',
  })
  app.handle('echo', (_ctx, payload) => payload)
  app.handle('say', (ctx, payload) => ctx.publish(`rooms/${ctx.room}/messages`, payload))
  return app
}

/** @type {ReturnType<typeof createServer>} */
let app

/** Starts the server at an address. Resolves with its port. @param {string} hostname */
const start = async (hostname) => {
  app = await createServer(hostname).start()
  return Number(new URL(app.scope.get(HttpServer).url).port)
}

let before = {
  refusals: /** @type {Record<string, number>} */ ({}),
  loop: performance.eventLoopUtilization(),
}

const delay = monitorEventLoopDelay({ resolution: 2 })
delay.enable()

/** Figures since the last call: refusals by code, and the share of time that the event loop was busy. */
const report = () => {
  const refusals = { ...app.refusals }
  const entries = Object.entries(refusals).map(([code, count]) => [
    code,
    count - (before.refusals[code] ?? 0),
  ])
  const { utilization } = performance.eventLoopUtilization(before.loop)
  before = { refusals, loop: performance.eventLoopUtilization() }
  const stall = delay.max / 1e6
  delay.reset()
  return {
    stall,
    busy: utilization,
    refusals: Object.fromEntries(entries.filter(([, count]) => count !== 0)),
    sessions: app.sessions.size,
    rss: process.memoryUsage.rss(),
  }
}

answer({ start, report })
