import { setTimeout as sleep } from 'node:timers/promises'
import { closing } from '../cluster/closing.mjs'
import { compare } from '../cluster/rounds.mjs'
import { LOAD_CORE, SERVER_CORE, Worker } from '../ipc.mjs'
import { quantile } from '../stats.mjs'

/** Clients that stay connected and make calls. */
const CALLERS = 50
/** Milliseconds of calls before the clients come back. */
const QUIET_MS = 1000

/** Times that all clients come back before the measurement, so that the code has been compiled. */
const WARM_UPS = 3

const SERVERS = { rookery: 'Rookery', socketio: 'Socket.IO' }

/** @typedef {{ clients: number, missed: number, rooms: number }} Storm */

/**
 * Starts a server, its clients and the callers.
 *
 * @param {Parameters<Parameters<typeof closing>[0]>[0]} own @param {string} kind @param {Storm} storm
 */
const start = async (own, kind, { clients: count, rooms }) => {
  const server = own(new Worker(`history/servers/${kind}.mjs`, SERVER_CORE))
  const clients = own(new Worker('history/returning.mjs', LOAD_CORE))
  const callers = own(new Worker('history/callers.mjs', LOAD_CORE))
  const port = await server.call('port')
  await callers.call('open', { kind, port, count: CALLERS })
  await clients.call('open', { kind, port, count, rooms })
  return { server, clients, callers }
}

/** @typedef {Awaited<ReturnType<typeof start>>} Running */

/**
 * Cuts all clients and publishes the messages that they miss.
 *
 * @param {Running} running @param {Storm} storm @param {number} from number of the first message
 */
const cut = async ({ server, clients }, { missed, rooms }, from) => {
  await clients.call('cut')
  // Socket.IO replays only if it has noticed the loss.
  while ((await server.call('sessions')) > CALLERS) await sleep(10)
  await server.call('publish', { rooms, from, count: missed })
}

/** Calls for as long as `act` takes. @param {Worker} callers @param {() => Promise<unknown>} act @returns {Promise<number>} */
const p99During = async (callers, act) => {
  await callers.call('begin')
  await act()
  return quantile(await callers.call('end'), 0.99)
}

/** Measures the return of all clients. @param {string} kind @param {Storm} storm */
const measureStorm = (kind, storm) =>
  closing(async (own) => {
    const running = await start(own, kind, storm)
    const { server, clients, callers } = running
    const { missed, rooms } = storm
    // A client of Socket.IO that has received nothing cannot recover.
    await server.call('publish', { rooms, from: 0, count: 1 })
    await clients.call('until', 1)
    let published = 1
    for (let n = 0; n < WARM_UPS; n++) {
      await cut(running, storm, published)
      published += missed
      await clients.call('comeBack', published)
    }
    await cut(running, storm, published)
    const quiet = await p99During(callers, () => sleep(QUIET_MS))
    let times = /** @type {number[]} */ ([])
    let cpu = await server.call('cpu')
    const p99 = await p99During(callers, async () => {
      times = await clients.call('comeBack', published + missed)
      cpu = (await server.call('cpu')) - cpu
    })
    return {
      'last ms': Math.max(...times),
      'p50 ms': quantile(times, 0.5),
      'p99 ms': quantile(times, 0.99),
      'server CPU ms': cpu,
      'calls p99 ms': p99,
      'before ms': quiet,
    }
  })

/**
 * Measures clients that come back at the same time and have missed some messages.
 *
 * @param {{ rounds: number, clients: number, missed: number, rooms: number }} plan `rooms`: of the variant with many
 */
export const measureReplay = ({ rounds, clients, missed, rooms }) => {
  const storms = {
    'one room': { clients, missed, rooms: 1 },
    [`${rooms} rooms`]: { clients, missed, rooms },
    'nothing missed': { clients, missed: 0, rooms: 1 },
  }
  const ways = Object.entries(storms).flatMap(([title, storm]) =>
    Object.entries(SERVERS).map(([kind, name]) => ({ name: `${name}, ${title}`, kind, storm })),
  )
  const comparisons = Object.keys(storms).map((title) => [
    `${SERVERS.rookery}, ${title}`,
    { base: `${SERVERS.socketio}, ${title}` },
  ])
  return compare(
    ways,
    rounds,
    ({ kind, storm }) => measureStorm(kind, storm),
    Object.fromEntries(comparisons),
  )
}
