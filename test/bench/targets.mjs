import { TOPIC } from './message.mjs'

/**
 * What a client does to become a receiver, after the WebSocket handshake: wait for a text frame that begins
 * with `after`, then send `send`.
 *
 * @typedef {{ after: string, send?: string }} Step
 *
 * @typedef {object} Target
 * @property {string} title
 * @property {string} server its module in `servers/`
 * @property {string} path of the upgrade request
 * @property {(client: number, clients: number) => Step[]} opening
 */

/** Patterns that nobody publishes to, over all clients together. */
const IDLE_PATTERNS = 10_000

/** @param {readonly string[]} topics */
const subscribe = (topics) => [
  { after: '{"type":"welcome"', send: JSON.stringify({ type: 'subscribe', id: 1, topics }) },
  { after: '{"type":"reply","id":1,"payload"' },
]

/** @param {number} client @param {number} clients */
const idlePatterns = (client, clients) => {
  const first = Math.floor((client * IDLE_PATTERNS) / clients)
  const next = Math.floor(((client + 1) * IDLE_PATTERNS) / clients)
  return Array.from({ length: next - first }, (_, n) => `idle/${first + n}/*`)
}

/** In the order in which they take turns; ratios are to `ws`. @type {Readonly<Record<string, Target>>} */
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
  },
  'rookery-idle': {
    title: 'Rookery + 10k patterns',
    server: 'rookery.mjs',
    path: '/api/v1/ws',
    opening: (client, clients) => subscribe(['bench/*', ...idlePatterns(client, clients)]),
  },
  socketio: {
    title: 'Socket.IO room',
    server: 'socketio.mjs',
    path: '/socket.io/?EIO=4&transport=websocket',
    opening: () => [{ after: '0{', send: '40' }, { after: '40{' }],
  },
}

/** Those that run unless `--only` says otherwise. */
export const DEFAULT_TARGETS = ['ws', 'rookery', 'rookery-idle', 'socketio']

/** What every delivered frame must contain. */
export const MARK = JSON.stringify(TOPIC)
