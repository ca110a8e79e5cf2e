import type { Random } from '../../plugins/testing/random.ts'
import { fuzzToken } from './fuzz-tokens.ts'

type Fields = Record<string, unknown>

/** Id of the frame with which a peer checks that its session still works. No other frame has this id. */
export const PROBE_ID = 777_777_777

const deep = (levels: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { a: value }
  return value
}

const TOPICS = [
  'echo', 'typed', 'later', 'publish', 'boom', 'room/join', 'room/leave', 'room/members', 'auth/logout', 'feed/1', 'feed/a/b',
  '', '/', '//', 'a//b', '/a', 'a/', '*', '**', '*/*', 'feed/*', '*/1', 'feed/*/b', 'a*', '$user/alice', 'a/$b', '$',
  '$session/x', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'feed/__proto__', ' ', 'a b', 'a\nb', 'a\0b',
  '\ud800', 'feed/\udc00', 'é/ü', '💥/💥', '>', 'a.b', 'a.>', 'rooms/42/*', 'rooms/*', `${'a/'.repeat(15)}a`,
  `${'a/'.repeat(16)}a`, 'x'.repeat(255), 'x'.repeat(256), `${'*/'.repeat(7)}*`, 'connect', 'disconnect', 'error',
  'subscribe', '%2e%2e', '../..', '\u2028', '\ufeff', '\u0085', 'null', 'undefined', '0', '-1',
] // biome-ignore format: one per line would be long

const VALUES = (random: Random): unknown => {
  switch (random.below(16)) {
    case 0: return null
    case 1: return random.pick([true, false])
    case 2: return random.pick([0, -1, 1.5, 1e21, -1e308, 2 ** 53, 2 ** 31, -0, 1e-320])
    case 3: return random.pick(['', '0', 'pong', 'close', 'a'.repeat(random.below(3000)), '\0\u0001\u001f', '\ud800'])
    case 4: return []
    case 5: return {}
    case 6: return deep(random.below(90))
    case 7: return Array.from({ length: random.below(300) }, (_, index) => index)
    case 8: return Array.from({ length: random.below(200) }, () => random.pick(TOPICS))
    case 9: return JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}}}')
    // biome-ignore lint/suspicious/noThenProperty: a payload that looks like a promise must not be treated as one
    case 10: return { toString: 1, valueOf: null, length: -1, then: 'no', toJSON: 'no' }
    case 11: return { topic: random.pick(TOPICS), payload: random.pick(TOPICS) }
    case 12: return { room: random.pick(TOPICS) }
    case 13: return [[[]], [null], { 0: 1 }]
    default: return random.pick(TOPICS)
  }
} // biome-ignore format: a table

/** Where a replay begins: valid or not. */
const since = (random: Random): unknown =>
  random.pick<unknown>([
    'earliest', 'A'.repeat(22), 'x'.repeat(255), { last: 3 }, { last: 2 ** 53 - 1 }, { ago: 60_000 }, { ago: 2 ** 53 - 1 },
    '', 'x'.repeat(256), 'now', 7, null, [], {}, { last: -1 }, { last: 1, ago: 1 }, { ago: '5m' }, { epoch: 'e', seq: 1 }, deep(70),
  ]) // biome-ignore format: one per line would be long

/** Frames that real clients send. */
const valid = (random: Random): Fields => {
  const id = random.below(1000)
  const n = random.below(40)
  switch (random.below(14)) {
    case 0: return { topic: 'echo', payload: { text: 'hello', n }, id }
    case 1: return { topic: 'typed', payload: { text: 'hello', count: n }, id }
    case 2: return { topic: 'later', payload: [n, 'x'], id }
    case 3: case 4: return { topic: 'publish', payload: { topic: `feed/${n}/news`, payload: { n, list: [1, 2] } } }
    case 5: return { topic: 'boom', id }
    case 6: return { topic: 'room/join', payload: { room: `r${n}` }, id }
    case 7: return { topic: random.pick(['room/leave', 'room/members']), payload: { room: `r${n}` }, id }
    case 8: case 9: return { type: 'subscribe', id, topics: [`feed/${n}/*`, `rooms/r${n}/*`] }
    case 10: return { type: 'unsubscribe', id, topics: [`feed/${n}/*`] }
    case 11: return { type: 'auth', id, token: fuzzToken(random) }
    case 12: return { type: 'subscribe', id, topics: [`feed/${n}/*`], since: since(random) }
    default: return { type: 'pong' }
  }
} // biome-ignore format: a table

const NAMES = [
  'topic',
  'payload',
  'id',
  'type',
  'topics',
  'since',
  'cursor',
  'token',
  'seq',
  'error',
  'x',
  'constructor',
  'then',
]

/** Changes an object in one place. */
const mutate = (fields: Fields, random: Random): Fields => {
  const keys = Object.keys(fields)
  const key = random.pick(keys) ?? 'topic'
  const other = random.pick(NAMES)
  switch (random.below(9)) {
    case 0: {
      const { [key]: _, ...rest } = fields
      return rest
    }
    case 1: {
      const { [key]: value, ...rest } = fields
      return { ...rest, [other]: value }
    }
    case 2: return { ...fields, [key]: fields[random.pick(keys)] }
    case 3: return { ...fields, type: random.pick(['subscribe', 'unsubscribe', 'auth', 'pong', 'invalid', 'welcome', 'reply', 'close', 'ping', '__proto__', 'x']) }
    case 4: return { ...fields, id: random.pick([0, -1, 1.5, 2 ** 53, 1e300, '7', null, [], {}, id(random)]) }
    case 5: return { ...fields, topics: Array.from({ length: random.below(140) }, () => random.pick(TOPICS)) }
    case 6: return { ...fields, topic: random.pick(TOPICS) }
    case 7: return { ...fields, since: random.pick([{ epoch: 'x', seq: 1 }, { epoch: 1 }, { seq: -1 }, 5, null]) }
    default: return { ...fields, [random.pick([key, other])]: VALUES(random) }
  }
} // biome-ignore format: a table

const id = (random: Random): number => random.below(1000)

const insert = (text: string, at: number, piece: string): string => text.slice(0, at) + piece + text.slice(at)

/** The text as it arrives: without halves of surrogate pairs. */
const wellFormed = (text: string): string => String(Buffer.from(text))

/** Changes a text in one place. The result may no longer be JSON. */
const garble = (text: string, random: Random): string => {
  const at = random.below(text.length + 1)
  switch (random.below(12)) {
    case 0: return text.slice(0, at)
    case 1: return insert(text, at, random.pick(['\0', '\n', '\u001b', '\u007f', '"', '\\', '{', ']', ',', '\ufeff', '💥']))
    case 2: return text.slice(at) + text.slice(0, at)
    case 3: return insert(text, at, text.slice(at, at + random.below(50)))
    case 4: return `${text}${text}`
    case 5: return `[${text}]`
    case 6: return text.replace(/\d+/, random.pick(['1e999', '-1e999', '9'.repeat(400), '0x10', '01', 'NaN', '1e-999', '.5']))
    case 7: return text.replace('{', '{"__proto__":{"type":"subscribe","topics":["feed/*"]},')
    case 8: return text.replace('{', random.pick(['{"id":1,', '{"type":"pong",', '{"topic":"echo",', '{"a":', '{{']))
    case 9: return JSON.stringify(text)
    case 10: return '['.repeat(random.below(3000)) + text
    default: return random.pick(['', ' ', 'null', '0', '"x"', '[]', '{}', '[[]]', 'undefined', '\u2028', '{"a":'])
  }
} // biome-ignore format: a table

/** A frame as an object: valid, or changed in up to three places. */
export const fuzzFields = (random: Random): Fields => {
  let fields = valid(random)
  for (let changes = random.below(4); changes > 0; changes--) fields = mutate(fields, random)
  return fields
}

/** A frame as well-formed UTF-8, which may not be JSON. */
export const fuzzText = (random: Random): string => {
  const text = JSON.stringify(fuzzFields(random))
  return random.below(4) === 0 ? wellFormed(garble(text, random)) : text
}

/** Any text, changed in one place. */
export const garbled = (text: string, random: Random): string => wellFormed(garble(text, random))

/** Random bytes, often invalid UTF-8. */
export const fuzzBytes = (random: Random): Buffer => {
  const bytes = Buffer.from(JSON.stringify(fuzzFields(random)))
  for (let flips = 1 + random.below(4); flips > 0; flips--)
    bytes[random.below(bytes.length)] = random.below(256)
  return random.below(3) === 0
    ? Buffer.from(Array.from({ length: random.below(200) }, () => random.below(256)))
    : bytes
}

/** A query string, valid or not. */
export const fuzzQuery = (random: Random): string => {
  const parts: string[] = []
  for (let count = random.below(4); count > 0; count--) {
    const name = random.pick([
      'username',
      'roomID',
      'topic',
      'topic',
      'since',
      'last',
      'ago',
      'token',
      'access_token',
      'x',
      '__proto__',
      'session',
      'received',
      'resume',
      'mode',
    ])
    const value = random.pick([
      () => encodeURIComponent(wellFormed(random.pick(TOPICS))),
      () => `r${random.below(40)}`,
      () => 'x'.repeat(random.below(300)),
      () =>
        random.pick([
          '%',
          '%zz',
          '%ff%fe',
          '%ED%A0%80',
          '%00',
          '&&',
          '=',
          '[]',
          '1',
          '-1',
          '1e9',
          'poll',
          '+',
          '%2A',
        ]),
    ])()
    parts.push(random.below(20) === 0 ? value : `${name}=${value}`)
  }
  return parts.length > 0 ? `?${parts.join('&')}` : ''
}
