import { parseArgs } from 'node:util'
import { canPin, LOAD_CORE, pinSelf, SERVER_CORE } from './ipc.mjs'
import { measure } from './measure.mjs'
import { rowsOf, tableOf } from './report.mjs'
import { GROUPS, targets } from './targets.mjs'

const USAGE = `npm run bench -- [options]

  --connections 1000,5000  connections of each server
  --repeat 2               times that all servers are started anew
  --only rookery,ws        of ${Object.keys(targets).join(', ')}
  --quick                  1,000 connections, once and briefly
  --json                   figures as JSON
`

/** @param {string} list */
const numbers = (list) => list.split(',').map(positive)

/** @param {string} text */
const positive = (text) => {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new TypeError(`'${text}' is not a positive whole number`)
  return number
}

/** @param {string} list */
const names = (list) => {
  const chosen = list.split(',')
  const unknown = chosen.find((name) => !Object.hasOwn(targets, name))
  if (unknown !== undefined) throw new TypeError(`There is no server '${unknown}'`)
  return Object.keys(targets).filter((name) => chosen.includes(name))
}

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      connections: { type: 'string' },
      repeat: { type: 'string' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { quick, json, help } = values
  const chosen = values.only === undefined ? Object.keys(targets) : names(values.only)
  return {
    help,
    json,
    groups: GROUPS.map((group) => group.filter((name) => chosen.includes(name))).filter(
      (group) => group.length > 0,
    ),
    connections: numbers(values.connections ?? (quick ? '1000' : '1000,5000')),
    plan: {
      repeat: positive(values.repeat ?? (quick ? '1' : '2')),
      rounds: quick ? 3 : 4,
      millis: quick ? 200 : 350,
    },
  }
}

const main = async () => {
  const { help, json, connections, groups, plan } = readOptions()
  if (help) return console.log(USAGE)
  pinSelf()
  const cores = canPin
    ? `servers on core ${SERVER_CORE}, load on core ${LOAD_CORE}`
    : 'NOT pinned to cores (no taskset, or only one core): expect more noise'
  const rows = []
  for (const count of connections) {
    for (const group of groups) {
      console.error(`${count} connections: ${group.join(', ')} ...`)
      rows.push(...rowsOf(count, await measure(count, { ...plan, targets: group })))
    }
  }
  if (json) console.log(JSON.stringify({ node: process.version, pinned: canPin, plan, rows }, null, 2))
  else console.log(`\nNode ${process.version}, ${cores}\n\n${tableOf(rows)}`)
}

await main()
