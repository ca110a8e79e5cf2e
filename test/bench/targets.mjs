import { TOPIC } from './message.mjs'

/**
 * A step of a subscription after the WebSocket handshake: the client waits for a text frame that begins with `after`,
 * then sends `send`.
 *
 * @typedef {{ after: string, send?: string }} Step
 *
 * @typedef {object} Target
 * @property {string} title
 * @property {string} server its module in `servers/`
 * @property {string} path of the request
 * @property {(client: number, clients: number) => Step[]} opening
 * @property {string} [ready] over server-sent events, the text before the first message
 * @property {string} [base] name of the target for the ratio
 * @property {Readonly<Record<number, number>>} [goals] maximum ratio of its cost to that of `base`, by burst
 */

/** Number of patterns without messages, of all clients together. */
const IDLE_PATTERNS = 10_000

/** @param {readonly string[]} topics */
export const subscribe = (topics) => [
  { after: '{"type":"welcome"', send: JSON.stringify({ type: 'subscribe', id: 1, topics }) },
  { after: '{"type":"reply","id":1,"payload"' },
]

/** @param {number} client @param {number} clients */
const idlePatterns = (client, clients) => {
  const first = Math.floor((client * IDLE_PATTERNS) / clients)
  const next = Math.floor(((client + 1) * IDLE_PATTERNS) / clients)
  return Array.from({ length: next - first }, (_, n) => `idle/${first + n}/*`)
}

/** Maximum ratio to the cost of the `ws` loop, by burst. */
const GOALS = { 1: 0.75, 10: 0.12 }

/** In the order in which they take turns. @type {Readonly<Record<string, Target>>} */
export const targets = {
  ws: {
    title: 'ws loop',
    server: 'ws.mjs',
    path: '/',
    opening: () => [],
  },
  rookery: {
    title: 'Rookery',
    server: 'rookery.mjs',
    path: '/api/v1/ws',
    opening: () => subscribe(['bench/*']),
    base: 'ws',
    goals: GOALS,
  },
  'rookery-idle': {
    title: 'Rookery + 10k patterns',
    server: 'rookery.mjs',
    path: '/api/v1/ws',
    opening: (client, clients) => subscribe(['bench/*', ...idlePatterns(client, clients)]),
    base: 'ws',
    goals: GOALS,
  },
  socketio: {
    title: 'Socket.IO room',
    server: 'socketio.mjs',
    path: '/socket.io/?EIO=4&transport=websocket',
    opening: () => [{ after: '0{', send: '40' }, { after: '40{' }],
    base: 'ws',
  },
  'rookery-socketio': {
    title: 'Rookery over Socket.IO',
    server: 'rookery.mjs',
    path: '/socket.io/?EIO=4&transport=websocket',
    opening: () => [
      { after: '0{', send: '40' },
      { after: '40{', send: '420["subscribe",["bench/*"]]' },
      { after: '42["$welcome"' },
      { after: '430[' },
    ],
    base: 'socketio',
    goals: { 1: 1, 10: 1 },
  },
  write: {
    title: 'response.write loop',
    server: 'response-write.mjs',
    path: '/',
    opening: () => [],
    ready: ': hello',
  },
  'rookery-sse': {
    title: 'Rookery over SSE',
    server: 'rookery.mjs',
    path: '/api/v1/sse?topic=bench/*',
    opening: () => [],
    ready: '"type":"welcome"',
    base: 'write',
    goals: { 1: 1.25, 10: 1.25 },
  },
  'rookery-sse-resume': {
    title: 'Rookery over SSE, resumable',
    server: 'rookery.mjs',
    path: '/api/v1/sse?resume=1&topic=bench/*',
    opening: () => [],
    ready: '"type":"welcome"',
    base: 'write',
    goals: { 1: 1.25, 10: 1.25 },
  },
  hono: {
    title: 'Hono streamSSE',
    server: 'hono.mjs',
    path: '/',
    opening: () => [],
    ready: 'data: hello',
    base: 'write',
  },
  'better-sse': {
    title: 'better-sse',
    server: 'better-sse.mjs',
    path: '/',
    opening: () => [],
    ready: 'hello',
    base: 'write',
  },
}

/** Targets of a group take turns. Groups run one after the other, to limit the number of connections. */
export const GROUPS = [
  ['ws', 'rookery', 'rookery-idle', 'socketio', 'rookery-socketio'],
  ['write', 'rookery-sse', 'rookery-sse-resume', 'hono', 'better-sse'],
]

/** Text that every delivered frame must contain. */
export const MARK = JSON.stringify(TOPIC)
