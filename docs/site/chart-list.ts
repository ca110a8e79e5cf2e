import { readFileSync } from 'node:fs'
import type { Row } from './tables.ts'

interface Bar {
  readonly label: string
  readonly value: number
}

/** A chart of bars. The bars of a group compare the same thing. */
export interface Chart {
  /** File in `docs/images/`, without `.svg`. */
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly better: 'less' | 'more'
  readonly groups: readonly { readonly label: string; readonly bars: readonly Bar[] }[]
}

/** Reads the figures of a table in `docs/benchmarks.md`. */
const readFigures = (name: string): Row[] =>
  JSON.parse(readFileSync(new URL(`../benchmarks/${name}.json`, import.meta.url), 'utf8'))

/** Finds the one row with these cells. Throws if there is not one. */
const cell = (rows: readonly Row[], column: string, cells: Row): number => {
  const found = rows.filter((row) => Object.entries(cells).every(([key, value]) => row[key] === value))
  const value = found[0]?.[column]
  if (found.length !== 1 || typeof value !== 'number')
    throw new Error(`${found.length} rows with a number '${column}': ${JSON.stringify(cells)}`)
  return value
}

/** Bars of a table whose first column names the variant: the name, or the name and the label of its bar. */
const variants = (
  rows: readonly Row[],
  column: string,
  names: readonly (string | [string, string])[],
): Bar[] =>
  names.map((name) => {
    const [variant, label] = typeof name === 'string' ? [name, name] : name
    return { label, value: cell(rows, column, { variant }) }
  })

const fanOut = (): Chart => {
  const rows = readFigures('fan-out')
  const column = 'µs/delivery'
  const groups = [1_000, 5_000].flatMap((Connections) =>
    [1, 10].map((Burst) => ({
      label: `${Connections.toLocaleString('en')} connections, ${Burst === 1 ? 'one message' : '10 messages'} in a turn`,
      bars: ['ws loop', 'Rookery', 'Socket.IO room'].map((Server) => ({
        label: Server,
        value: cell(rows, column, { Connections, Burst, Server }),
      })),
    })),
  )
  return {
    name: 'fan-out',
    title: 'CPU time of the server for one delivery',
    unit: 'µs',
    better: 'less',
    groups,
  }
}

const clientsThatComeBack = (): Chart => {
  const rows = readFigures('clients-that-come-back')
  const group = (what: string, label: string) => ({
    label,
    bars: variants(rows, 'last ms', [
      [`Rookery, ${what}`, 'Rookery'],
      [`Socket.IO, ${what}`, 'Socket.IO'],
    ]),
  })
  return {
    name: 'clients-that-come-back',
    title: 'Time until the last of 1,000 clients that come back has everything',
    unit: 'ms',
    better: 'less',
    groups: [
      group('one room', 'One room, 100 messages missed'),
      group('100 rooms', '100 rooms, 100 messages missed'),
      group('nothing missed', 'Nothing missed'),
    ],
  }
}

const throughput = (): Chart => {
  const rows = readFigures('throughput-between-nodes')
  const group = (label: string, ...names: (string | [string, string])[]) => ({
    label,
    bars: variants(rows, 'messages/s', names),
  })
  return {
    name: 'throughput-between-nodes',
    title: 'Messages from one node to another',
    unit: 'messages a second',
    better: 'more',
    groups: [
      group('One topic', 'Raw NATS', 'Rookery'),
      group('1,000 topics', ['Raw NATS, 1,000 topics', 'Raw NATS'], ['Rookery, 1,000 topics', 'Rookery']),
      group(
        'To a WebSocket client of the other node',
        'Raw NATS, then ws',
        ['Rookery, WebSocket client', 'Rookery'],
        'Socket.IO cluster adapter',
      ),
    ],
  }
}

const latency = (): Chart => {
  const rows = readFigures('latency-between-nodes')
  const names = ['Raw NATS, then ws', 'Rookery, other node', 'Socket.IO cluster adapter']
  return {
    name: 'latency-between-nodes',
    title: 'From publish to a client of another node, at 200 messages a second',
    unit: 'µs',
    better: 'less',
    groups: [
      { label: 'Median', bars: variants(rows, 'p50 µs', names) },
      { label: '99th percentile', bars: variants(rows, 'p99 µs', names) },
    ],
  }
}

/** The charts of `docs/benchmarks.md`. */
export const charts = (): Chart[] => [fanOut(), latency(), throughput(), clientsThatComeBack()]
