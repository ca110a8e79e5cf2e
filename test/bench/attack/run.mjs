import { setTimeout as sleep } from 'node:timers/promises'
import { LOAD_CORE, SERVER_CORE, Worker } from '../ipc.mjs'
import { median } from '../stats.mjs'
import { attacks } from './attacks.mjs'
import { openNetwork } from './network.mjs'

/** Highest 99th percentile of the honest clients under an attack over WebSocket, in ms. */
const GOAL_MS = 15
/** The same under plain HTTP requests. */
const PLAIN_GOAL_MS = 50
/**
 * Core of the honest clients. On the server's core, they take the same time of it with and without an attack. On the attackers'
 * core, their latency includes the time for which the attackers and the server's garbage collector occupy that core.
 *
 * @type {Readonly<Record<string, number>>}
 */
export const HONEST_CORES = { server: SERVER_CORE, attackers: LOAD_CORE }
/** Time between the begin or end of an attack and the next measurement, in ms. */
const SETTLE_MS = 500
/**
 * Length of a first attack that is not measured, in ms. In it the server gets the memory that it needs, which a virtual machine
 * receives from its host page by page.
 */
const WARM_UP_MS = 2000
/** Time within which the sessions of an attack must end after it, in ms. */
const END_LIMIT_MS = 60_000

/**
 * @typedef {object} Plan
 * @property {number} honest connections
 * @property {number} attacking connections
 * @property {number} rounds with and without the attack in turn
 * @property {number} millis length of each half of a round
 * @property {string} beside process beside which the honest clients run
 * @property {readonly string[]} names of the attacks
 */

/** Measures both sides for a while. @param {Worker} honest @param {number} millis @param {() => Promise<any>} server */
const watch = async (honest, millis, server) => {
  await sleep(SETTLE_MS)
  await Promise.all([honest.call('reset'), server()])
  await sleep(millis)
  const [seen, served] = await Promise.all([honest.call('report'), server()])
  return { ...seen, ...served }
}

/** Waits until no session of an attack is left. @param {Worker} server @param {number} clients */
const untilAttackEnded = async (server, clients) => {
  const end = performance.now() + END_LIMIT_MS
  while ((await server.call('report')).sessions > clients) {
    if (performance.now() > end) throw new Error('sessions of the attack are still there')
    await sleep(200)
  }
  await sleep(2000)
}

/**
 * Runs one attack on a new server.
 *
 * @param {string} name
 * @param {Plan} plan
 * @param {import('./network.mjs').Network} network
 */
const measure = async (name, { honest: clients, attacking, rounds, millis, beside }, network) => {
  const { serverNet, attackerNet, server: host, attackers: addresses } = network
  const server = new Worker('servers/attacked.mjs', SERVER_CORE, serverNet)
  const honest = new Worker('attack/honest.mjs', /** @type {number} */ (HONEST_CORES[beside]), serverNet)
  const attacker = new Worker('attack/attacker.mjs', LOAD_CORE, attackerNet)
  try {
    const port = await server.call('start', host)
    server.separateThreads()
    await honest.call('start', { host, port, connections: clients })
    const attack = { name, host, port, addresses, connections: attacking }
    await attacker.call('start', attack)
    await sleep(WARM_UP_MS)
    await attacker.call('stop')
    const pairs = []
    for (let round = 0; round < rounds; round++) {
      await untilAttackEnded(server, clients)
      const quiet = await watch(honest, millis, () => server.call('report'))
      await attacker.call('start', attack)
      const attacked = await watch(honest, millis, () => server.call('report'))
      pairs.push({ quiet, attacked, attack: await attacker.call('stop') })
    }
    const missing = await honest.call('stop')
    return { name, pairs, missing }
  } finally {
    await Promise.all([honest.stop(), attacker.stop(), server.stop()])
  }
}

/** @param {Awaited<ReturnType<typeof measure>>} measured */
const rowOf = ({ name, pairs, missing }) => {
  /** @param {(pair: typeof pairs[number]) => number} of */
  const middle = (of) => median(pairs.map(of))
  return {
    attack: attacks[name]?.title ?? name,
    goal: attacks[name]?.plain ? PLAIN_GOAL_MS : GOAL_MS,
    p50: middle(({ quiet }) => quiet.p50),
    p99: middle(({ quiet }) => quiet.p99),
    attackedP50: middle(({ attacked }) => attacked.p50),
    attackedP99: middle(({ attacked }) => attacked.p99),
    ratio: middle(({ quiet, attacked }) => attacked.p99 / quiet.p99),
    busy: middle(({ quiet }) => quiet.busy),
    attackedBusy: middle(({ attacked }) => attacked.busy),
    missing,
    pairs,
  }
}

const HEAD = [
  'attack',
  'p50',
  'p99',
  'p50 attacked',
  'p99 attacked',
  'ratio',
  'goal',
  'loop busy',
  'attacked',
]

/** @param {ReturnType<typeof rowOf>} row */
const cells = (row) => [
  row.attack,
  ...[row.p50, row.p99, row.attackedP50, row.attackedP99, row.ratio].map((number) => number.toFixed(2)),
  `${row.goal} ${row.attackedP99 <= row.goal ? 'met' : 'missed'}`,
  ...[row.busy, row.attackedBusy].map((share) => `${Math.round(share * 100)} %`),
]

/** @param {readonly ReturnType<typeof rowOf>[]} rows */
export const attackTable = (rows) =>
  [HEAD, ...rows.map(cells)].map((line) => `| ${line.join(' | ')} |`).join('\n')

/** Runs all attacks of a plan, one after the other. @param {Plan} plan */
export const runAttacks = async (plan) => {
  const network = await openNetwork()
  const rows = []
  for (const name of plan.names) {
    console.error(`${plan.attacking} attackers, ${plan.honest} honest clients: ${name} ...`)
    const row = rowOf(await measure(name, plan, network))
    console.error(cells(row).join('  '))
    for (const { quiet, attacked } of row.pairs) {
      const of = (/** @type {{ p99: number, stall: number }} */ half) =>
        `p99 ${half.p99.toFixed(1)}, longest stall ${half.stall.toFixed(1)} ms`
      console.error(`  quiet ${of(quiet)}; attacked ${of(attacked)}`)
    }
    rows.push(row)
  }
  return rows
}
