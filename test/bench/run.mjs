import { parseArgs } from 'node:util'
import { attacks } from './attack/attacks.mjs'
import { attackTable, HONEST_CORES, runAttacks } from './attack/run.mjs'
import { callsTable, measureCalls } from './calls/run.mjs'
import { measureCluster, parts } from './cluster/index.mjs'
import { historyParts } from './history/index.mjs'
import { httpText, measureHttp, pieces } from './http/index.mjs'
import { canPin, LOAD_CORE, pinSelf, SERVER_CORE } from './ipc.mjs'
import { measure } from './measure.mjs'
import { measureParts, textOf } from './parts.mjs'
import { rowsOf, tableOf } from './report.mjs'
import { GROUPS, targets } from './targets.mjs'

const USAGE = `npm run bench -- [options]

  --connections 1000,5000  connections of each server
  --repeat 2               times that all servers are started anew; 3 for http
  --only rookery,ws        of ${Object.keys(targets).join(', ')};
                           cluster: all across nodes, or ${Object.keys(parts).join(', ')};
                           history: all of kept messages, or ${Object.keys(historyParts).join(', ')};
                           http: all of requests, or ${Object.keys(pieces).join(', ')}
  --only attack            latency of 500 honest clients under attack of 500 others; not run by default,
  --only attack:messages   all or one of ${Object.keys(attacks).join(', ')}
  --only load              300 clients that call a handler within the limits, against bare ws; not run by default
  --beside attackers       core of the honest clients: attackers or server
  --quick                  1,000 connections, once and briefly
  --json                   figures as JSON
`

/** Names of everything that can be measured. */
const ALL = [targets, parts, historyParts, pieces].flatMap((named) => Object.keys(named))

/** Names that select several others. @type {Readonly<Record<string, readonly string[]>>} */
const SETS = {
  cluster: Object.keys(parts),
  history: Object.keys(historyParts),
  http: Object.keys(pieces),
}

/** @param {string} list */
const numbers = (list) => list.split(',').map(positive)

/** @param {string} text */
const positive = (text) => {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new TypeError(`'${text}' is not a positive whole number`)
  return number
}

/**
 * The attacks that `--only` selects, or undefined if it selects servers.
 *
 * @param {string | undefined} only
 * @param {string} beside
 * @param {boolean} quick
 */
const attackPlan = (only, beside, quick) => {
  if (!Object.hasOwn(HONEST_CORES, beside))
    throw new TypeError(`--beside takes ${Object.keys(HONEST_CORES).join(' or ')}`)
  const chosen = (only ?? '').split(',').filter((name) => /^attack(:|$)/.test(name))
  if (chosen.length === 0) return undefined
  const wanted = chosen.flatMap((name) => (name === 'attack' ? Object.keys(attacks) : [name.slice(7)]))
  const unknown = wanted.find((name) => !Object.hasOwn(attacks, name))
  if (unknown !== undefined) throw new TypeError(`There is no attack '${unknown}'`)
  return {
    honest: 500,
    attacking: 500,
    rounds: quick ? 1 : 3,
    millis: quick ? 4000 : 10_000,
    beside,
    names: wanted,
  }
}

/** @param {string} list */
const names = (list) => {
  const chosen = list.split(',').flatMap((name) => (Object.hasOwn(SETS, name) ? (SETS[name] ?? []) : [name]))
  const unknown = chosen.find((name) => !ALL.includes(name))
  if (unknown !== undefined) throw new TypeError(`There is no '${unknown}'`)
  return ALL.filter((name) => chosen.includes(name))
}

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      connections: { type: 'string' },
      repeat: { type: 'string' },
      only: { type: 'string' },
      beside: { type: 'string', default: 'attackers' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { quick, json, help, beside } = values
  const attack = attackPlan(values.only, beside, quick)
  const load = values.only === 'load' ? { rounds: quick ? 3 : 6, millis: quick ? 3000 : 6000 } : undefined
  const chosen = values.only === undefined || attack || load ? ALL : names(values.only)
  return {
    help,
    json,
    quick,
    attack,
    load,
    cluster: Object.keys(parts).filter((name) => chosen.includes(name)),
    history: Object.keys(historyParts).filter((name) => chosen.includes(name)),
    http: Object.keys(pieces).filter((name) => chosen.includes(name)),
    groups: GROUPS.map((group) => group.filter((name) => chosen.includes(name))).filter(
      (group) => group.length > 0,
    ),
    connections: numbers(values.connections ?? (quick ? '1000' : '1000,5000')),
    plan: {
      repeat: positive(values.repeat ?? (quick ? '1' : '2')),
      rounds: quick ? 3 : 4,
      millis: quick ? 200 : 350,
    },
    httpPlan: {
      repeat: positive(values.repeat ?? (quick ? '1' : '3')),
      rounds: quick ? 6 : 8,
      millis: quick ? 700 : 1000,
    },
  }
}

const main = async () => {
  const { help, json, quick, attack, load, connections, groups, cluster, history, http, plan, httpPlan } =
    readOptions()
  if (help) return console.log(USAGE)
  pinSelf()
  const cores = canPin
    ? `servers on core ${SERVER_CORE}, load on core ${LOAD_CORE}`
    : 'NOT pinned to cores (no taskset, or only one core): the figures vary more'
  if (attack) {
    const rows = await runAttacks(attack)
    if (json)
      console.log(JSON.stringify({ node: process.version, pinned: canPin, plan: attack, rows }, null, 2))
    else console.log(`\nNode ${process.version}, ${cores}\n\n${attackTable(rows)}`)
    return
  }
  if (load) {
    const samples = await measureCalls(load)
    if (json)
      console.log(JSON.stringify({ node: process.version, pinned: canPin, plan: load, samples }, null, 2))
    else console.log(`\nNode ${process.version}, ${cores}\n\n${callsTable(samples)}`)
    return
  }
  const rows = []
  for (const count of connections) {
    for (const group of groups) {
      console.error(`${count} connections: ${group.join(', ')} ...`)
      rows.push(...rowsOf(count, await measure(count, { ...plan, targets: group })))
    }
  }
  const across = await measureCluster(cluster, quick)
  const kept = await measureParts(historyParts, history, quick)
  const overHttp = await measureHttp(http, httpPlan)
  if (json) {
    const figures = {
      node: process.version,
      pinned: canPin,
      plan,
      rows,
      across,
      kept,
      httpPlan,
      http: overHttp,
    }
    console.log(JSON.stringify(figures, null, 2))
    return
  }
  console.log(`\nNode ${process.version}, ${cores}`)
  if (rows.length > 0) console.log(`\n${tableOf(rows)}`)
  if (across.length > 0) console.log(`\n${textOf(across)}`)
  if (kept.length > 0) console.log(`\n${textOf(kept)}`)
  if (overHttp.length > 0) console.log(`\n${httpText(overHttp)}`)
}

await main()
