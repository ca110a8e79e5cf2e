import { tableOf } from '../cluster/report.mjs'
import { rowsOf, takeTurns } from '../cluster/rounds.mjs'
import { LOAD_CORE, SERVER_CORE, Worker } from '../ipc.mjs'

const MIB = 1024 * 1024

/** Bytes of an upload. */
const UPLOAD_BYTES = 64 * MIB
/** Bytes of the upload that opens the receive window of a new connection and is not measured. */
const FIRST_UPLOAD_BYTES = 8 * MIB
/** Connections that request a route at the same time. */
const CONNECTIONS = 32
/** Time that a server is requested before each measurement, on the same connections, in ms. */
const LEAD_IN_MS = 50
/** Time that a new server is requested before the first measurement, in ms. */
const WARM_UP_MS = 2000
/** Measurements of uploads to a new server that do not count. */
const WARM_UP_UPLOADS = 4
/**
 * Node reads each chunk of a body into a new buffer. In a heap as small as that of these servers, V8 settles in one of two
 * ways: young collections alone, or a full collection for about every 64 MiB as well, and then an upload to Express takes 60 to
 * 100 ms of CPU time instead of 30 to 40. The same server does either from one start to the next, with Rookery or without.
 * With this flag no server made that change, and the figures show the cost of passing a body on.
 */
const LARGE_HEAP = ['--initial-old-space-size=256']

/**
 * @typedef {object} Plan
 * @property {number} repeat number of times that the servers are started
 * @property {number} rounds of every repetition, each with one measurement of each server
 * @property {number} millis length of a measurement of requests: an Express app has a full collection once or twice a second, and
 *   single figures of 150 ms differ by a fifth between two equal servers
 *
 * @typedef {{ name: string, module: string, options?: import('./serve.mjs').ServerOptions }} Side
 * @typedef {{ server: Worker, load: Worker, port: number }} Running
 * @typedef {import('../cluster/rounds.mjs').Figures} Figures
 *
 * @typedef {object} Kind
 * @property {(running: Running) => Promise<unknown>} warmUp
 * @property {(running: Running, plan: Plan) => Promise<Figures>} measure
 *
 * @typedef {object} Group
 * @property {Kind} kind
 * @property {readonly string[]} [flags] of Node, for all servers
 * @property {Side} base
 * @property {readonly { side: Side, goal?: number }[]} others `goal`: most CPU time, as a multiple of the base's
 *
 * @typedef {{ title: string, groups: readonly Group[] }} Piece
 */

/**
 * Measures the server while the load runs one of its functions. The connections are new, because a server closes idle ones
 * while the other servers have their turn. The first call on them is not measured.
 *
 * @param {Running} running @param {number} count of connections
 * @param {'get' | 'upload'} name @param {{ first: object, input: object }} inputs
 * @returns {Promise<{ micros: number, requests: number, millis: number }>}
 */
const measureLoad = async ({ server, load, port }, count, name, { first, input }) => {
  await load.call('open', { port, count })
  await load.call(name, first)
  await server.call('begin')
  const { requests, millis } = await load.call(name, input)
  const micros = await server.call('end')
  await load.call('close')
  return { micros, requests, millis }
}

/** @type {Kind} */
const requests = {
  async warmUp(running) {
    const inputs = { first: { millis: WARM_UP_MS }, input: { millis: 0 } }
    await measureLoad(running, CONNECTIONS, 'get', inputs)
  },
  async measure(running, plan) {
    const inputs = { first: { millis: LEAD_IN_MS }, input: { millis: plan.millis } }
    const { micros, requests, millis } = await measureLoad(running, CONNECTIONS, 'get', inputs)
    return {
      'CPU µs/request': micros / requests,
      'requests/s': (requests / millis) * 1000,
      'server busy %': micros / millis / 10,
    }
  },
}

/** @param {number} times uploads of a measurement @returns {Kind} */
const uploads = (times) => {
  const inputs = {
    first: { bytes: FIRST_UPLOAD_BYTES, times: 1 },
    input: { bytes: UPLOAD_BYTES, times },
  }
  return {
    async warmUp(running) {
      for (let n = 0; n < WARM_UP_UPLOADS; n++) await measureLoad(running, 1, 'upload', inputs)
    },
    async measure(running) {
      const { micros, requests, millis } = await measureLoad(running, 1, 'upload', inputs)
      return {
        'CPU ms/upload': micros / requests / 1000,
        'uploads/s': (requests / millis) * 1000,
        'server busy %': micros / millis / 10,
      }
    },
  }
}

const hono = { name: '@hono/node-server', module: 'hono' }
const honoRookery = { name: "Rookery's server, Hono routes", module: 'hono-rookery' }
const honoUploads = { ...honoRookery, options: { bodyLimit: 2 * UPLOAD_BYTES } }
const express = { name: 'Express', module: 'express' }
/** A control: the process has Rookery's code and timers, but Rookery does not handle the requests. */
const expressBeside = { name: 'Express, Rookery on another server', module: 'express-beside' }
const expressRookery = { name: 'Express, Rookery as a guest', module: 'express-rookery' }

const UPLOAD_GOAL = 1.05

/** Express has no goal with the default heap: the ratio depends on how V8 settles in each server. @returns {Group[]} */
const uploadGroups = (/** @type {readonly string[]} */ flags = []) => [
  {
    kind: uploads(4),
    flags,
    base: express,
    others: [
      { side: expressBeside },
      { side: expressRookery, ...(flags === LARGE_HEAP && { goal: UPLOAD_GOAL }) },
    ],
  },
  // Hono keeps the whole body, which takes ten times as long as counting its bytes.
  { kind: uploads(1), flags, base: hono, others: [{ side: honoUploads, goal: UPLOAD_GOAL }] },
]

/**
 * Pieces of the benchmark of HTTP requests, by name.
 *
 * @type {Readonly<Record<string, Piece>>}
 */
export const pieces = {
  'http:route': {
    title: 'GET of a Hono route',
    groups: [{ kind: requests, base: hono, others: [{ side: honoRookery, goal: 1.15 }] }],
  },
  'http:guest': {
    title: "GET of a route on the user's own Express server",
    groups: [{ kind: requests, base: express, others: [{ side: expressRookery, goal: 1.05 }] }],
  },
  'http:upload': {
    title: `Upload of 64 MiB in chunks of 64 KiB, all servers with ${LARGE_HEAP.join(' ')}`,
    groups: uploadGroups(LARGE_HEAP),
  },
  'http:upload-default-heap': {
    title: 'Upload of 64 MiB in chunks of 64 KiB, default heap',
    groups: uploadGroups(),
  },
}

/**
 * Compares servers. They run at the same time and take turns, so that other load of the machine affects all of them.
 *
 * @param {Group} group @param {Plan} plan
 */
const measureGroup = async ({ kind, flags, base, others }, plan) => {
  const sides = [base, ...others.map(({ side }) => side)]
  /** @type {Map<string, Figures[]>} */
  const taken = new Map()
  for (let repetition = 0; repetition < plan.repeat; repetition++) {
    const load = new Worker('http/load.mjs', LOAD_CORE)
    const workers = [load]
    try {
      /** @type {(Side & Running)[]} */
      const ways = []
      for (const side of sides) {
        const server = new Worker(`http/servers/${side.module}.mjs`, SERVER_CORE, undefined, flags)
        workers.push(server)
        ways.push({ ...side, server, load, port: await server.call('start', side.options ?? {}) })
      }
      for (const way of ways) await kind.warmUp(way)
      await takeTurns(ways, plan.rounds, (way) => kind.measure(way, plan), taken)
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()))
    }
  }
  const comparisons = others.map(({ side, goal }) => {
    return [side.name, { base: base.name, ...(goal !== undefined && { goal }) }]
  })
  return rowsOf(sides, taken, Object.fromEntries(comparisons))
}

/** Measures HTTP requests. @param {readonly string[]} names of pieces @param {Plan} plan */
export const measureHttp = async (names, plan) => {
  const measured = []
  for (const name of names) {
    const { title, groups } = /** @type {Piece} */ (pieces[name])
    console.error(`${name} ...`)
    const rows = []
    for (const group of groups) rows.push(...(await measureGroup(group, plan)))
    measured.push({ name, title, rows })
  }
  return measured
}

/** @param {Awaited<ReturnType<typeof measureHttp>>} measured */
export const httpText = (measured) =>
  measured.map(({ title, rows }) => `${title}\n\n${tableOf(rows, 3)}`).join('\n\n')
