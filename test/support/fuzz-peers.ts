import { createRandom, type Random } from '../../plugins/testing/random.ts'
import type { FrameChecker } from './fuzz-frame-checker.ts'
import { fuzzBytes, fuzzFields, fuzzQuery, fuzzText, garbled, PROBE_ID } from './fuzz-frames.ts'
import { FuzzSocket, frameOf, textFrame } from './fuzz-socket.ts'
import { fuzzToken } from './fuzz-tokens.ts'

/** Settings that every fuzzing peer gets. */
export interface Fuzzing {
  readonly url: string
  readonly seed: number
  readonly checker: FrameChecker
  /** Whether rate limits are off, so that the server disconnects a peer only for invalid input. */
  readonly unlimited: boolean
}

/** The authorization header of a peer. Not every peer has one. */
export const bearer = (random: Random): { authorization?: string } =>
  random.below(3) === 0 ? { authorization: `Bearer ${fuzzToken(random).replace('\0', '')}` } : {}

/**
 * Connects, sends invalid input, checks that the server still answers, and disconnects. Resolves with the number of
 * frames sent.
 */
export type Peer = (fuzzing: Fuzzing, number: number) => Promise<number>

/** Milliseconds that a peer waits for an answer. A busy machine takes seconds; only a fault takes longer than this. */
const ANSWER_LIMIT_MS = 60_000

/** Settles with the first promise that settles, or with false after a time. */
export const inTime = async (...what: Promise<unknown>[]): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, ANSWER_LIMIT_MS, 'late')
  })
  const first = await Promise.race([...what, late]).finally(() => clearTimeout(timer))
  return first !== 'late'
}

/** Frames that violate RFC 6455, or the subset that Rookery accepts. */
const broken = (random: Random): Buffer => {
  const some = Buffer.from(fuzzText(random))
  switch (random.below(12)) {
    case 0: return frameOf(0x81, fuzzBytes(random))
    case 1: return frameOf(0x82, some)
    case 2: return frameOf(random.below(256), some)
    case 3: return frameOf(0x80, some)
    case 4: return Buffer.concat([frameOf(0x01, some), textFrame('{}')])
    case 5: return frameOf(0x89, Buffer.alloc(126 + random.below(100)))
    case 6: return frameOf(0x88, random.pick([Buffer.from([3]), Buffer.from([0, 1]), Buffer.from([3, 0xe8, 0xff, 0xfe])]))
    case 7: return Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
    case 8: return Buffer.from([0x81, 5, ...some.subarray(0, 5)])
    case 9: return textFrame(JSON.stringify({ topic: 'echo', payload: 'x'.repeat(65_536) }))
    case 10: return Buffer.from(Array.from({ length: random.below(300) }, () => random.below(256)))
    default: return textFrame(fuzzText(random)).subarray(0, 1 + random.below(20))
  }
} // biome-ignore format: a table

/** A fragmented frame, with a ping between the fragments. */
const fragmented = (text: string, random: Random): Buffer => {
  const bytes = Buffer.from(text)
  const at = random.below(bytes.length + 1)
  const ping = random.below(2) ? [frameOf(0x89, Buffer.from('x'))] : []
  return Buffer.concat([frameOf(0x01, bytes.subarray(0, at)), ...ping, frameOf(0x80, bytes.subarray(at))])
}

/** Ways to disconnect. In the middle of a frame a close frame is impossible. */
const leave = async (socket: FuzzSocket, random: Random, midway: boolean): Promise<void> => {
  const way = random.below(midway ? 3 : 4)
  if (way === 0) socket.destroy()
  else if (way === 1) socket.reset()
  else if (way === 2) socket.end()
  else socket.write(frameOf(0x88, Buffer.from([3, 0xe8])))
  const gone = await inTime(socket.gone)
  socket.destroy()
  if (!gone) throw new Error(`not closed (${way})`)
}

/** Sends bytes in pieces independent of frame boundaries, with turns of the event loop in between. */
const writeInPieces = async (socket: FuzzSocket, bytes: Buffer, random: Random): Promise<void> => {
  const piece = random.below(8) === 0 ? 1 + random.below(60) : 2000 + random.below(20_000)
  for (let at = 0; at < bytes.length && !socket.ended; at += piece) {
    socket.write(bytes.subarray(at, at + piece))
    await new Promise(setImmediate)
  }
}

export const websocketPeer: Peer = async ({ url, seed, checker, unlimited }, number) => {
  const random = createRandom(seed, `websocket ${number}`)
  const name = `websocket ${number}`
  const { authorization } = bearer(random)
  const head = authorization ? `Authorization: ${authorization}\r\n` : ''
  const socket = new FuzzSocket(url, `/api/v1/ws${random.below(3) === 0 ? fuzzQuery(random) : ''}`, head)
  let closeReceived = false
  let answered = () => {}
  const probed = new Promise<void>((resolve) => {
    answered = resolve
  })
  socket.onFault = (what, about) => checker.add(name, what, about)
  socket.onText = (text) => {
    const frame = JSON.parse(text) as { type?: string; id?: number }
    checker.checkFrame(name, frame)
    if (frame.type === 'close') closeReceived = true
    if (frame.id === PROBE_ID) answered()
  }
  await inTime(socket.upgraded)
  const count = 5 + random.below(120)
  const isBroken = random.below(6) === 0
  const frames: Buffer[] = []
  for (let sent = 0; sent < count; sent++) {
    const text = fuzzText(random)
    frames.push(random.below(30) === 0 ? fragmented(text, random) : textFrame(text))
  }
  if (isBroken) frames.splice(count - random.below(4), 0, broken(random))
  await writeInPieces(socket, Buffer.concat(frames), random)
  if (!isBroken) {
    socket.write(textFrame(`{"topic":"echo","id":${PROBE_ID}}`))
    if (!(await inTime(probed, socket.gone))) checker.add(name, 'no answer at the end')
    else if (socket.ended && unlimited && !closeReceived) checker.add(name, 'closed without a reason')
  }
  await leave(socket, random, isBroken).catch((error: Error) => checker.add(name, error.message))
  return frames.length
}

/** Reserved event names. Socket.IO drops a connection that sends one, or a name that is not text. */
const RESERVED = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
])

/** A valid Socket.IO event. */
const engineText = (random: Random): string => {
  const { topic = 'echo', type, topics, since, token, payload, id = 1 } = fuzzFields(random)
  const named = typeof type === 'string' ? type : topic
  const event = typeof named === 'string' && !RESERVED.has(named) ? named : 'echo'
  const selected = since === undefined ? topics : { topics, since }
  const arg = type === 'auth' ? token : (selected ?? payload)
  const more = random.below(20) === 0 ? [payload, arg] : []
  const args = JSON.stringify([event, ...(random.below(12) === 0 ? [] : [arg]), ...more])
  return `42${random.below(3) > 0 && Number.isSafeInteger(id) && Number(id) >= 0 ? id : ''}${args}`
}

/** Invalid packets. Most of them end the connection. */
const brokenPacket = (random: Random): string =>
  random.pick([
    () => garbled(engineText(random), random),
    () => engineText(random).replace('42', random.pick(['43', '44', '45', '451-', '459999999999-', '46', '47', '49', '5', '9', '1', '4'])),
    () => random.pick(['41', '40', '40/admin,', '42/x,["echo"]', '2probe', '3probe', '5', '6', '1', '', '4', '40{"sid":1}', '430[]', '42[]', '42{}', '42[1]', '42[null]', '42["connect"]', '42["disconnecting",1]', '42["__proto__",{}]', '4299999999999999999999["echo",1]', '451-["echo",{"_placeholder":true,"num":0}]', '451-["echo",{"_placeholder":true,"num":-1}]', '450-["echo"]', '0', '0{"sid":"x"}']),
    () => `42["echo",${'['.repeat(random.below(20_000))}]`,
  ])() // biome-ignore format: a table

/** Checks the packets of the server over Socket.IO. */
const enginePacket = /^(0\{|1$|2$|3|6$|40\{|41|42\[|43\d+\[|44(\/[^,]*,)?\{)/

export const socketioPeer: Peer = async ({ url, seed, checker, unlimited }, number) => {
  const random = createRandom(seed, `socketio ${number}`)
  const name = `socketio ${number}`
  const more = random.below(4) === 0 ? fuzzQuery(random).replace('?', '&') : ''
  const socket = new FuzzSocket(url, `/socket.io/?EIO=4&transport=websocket${more}`)
  let answered = () => {}
  let connected = () => {}
  let welcomed = false
  let closeReceived = false
  const probed = new Promise<void>((resolve) => {
    answered = resolve
  })
  const open = new Promise<void>((resolve) => {
    connected = resolve
  })
  const handshake =
    random.below(5) > 0 ? '40' : `40${JSON.stringify({ ...fuzzFields(random), token: fuzzToken(random) })}`
  socket.onFault = (what, about) => checker.add(name, what, about)
  socket.onText = (text) => {
    if (!enginePacket.test(text)) checker.add(name, 'a strange packet', text)
    if (text.startsWith('0')) socket.write(textFrame(handshake))
    if (text === '2') socket.write(textFrame('3'))
    if (text.startsWith('42["$welcome"')) welcomed = true
    if (welcomed || text.startsWith('44')) connected()
    if (text.startsWith('44') || text.startsWith('41') || text.startsWith('42["$close"')) closeReceived = true
    if (text.startsWith(`43${PROBE_ID}[`)) answered()
    if (!/^4[23]/.test(text)) return
    const [first, second] = JSON.parse(text.slice(text.indexOf('['))) as [unknown, unknown?]
    if (first === '$error') checker.checkError(name, second)
    else if (first === '$welcome' || first === '$close' || first === '$replayed')
      checker.checkFrame(name, second)
    else if (text.startsWith('42')) checker.checkFrame(name, { topic: first, payload: second })
    else checker.checkFrame(name, { type: 'reply', id: 1 })
  }
  await inTime(open, socket.gone)
  const count = 5 + random.below(100)
  const isBroken = random.below(4) === 0
  const packets = Array.from({ length: count }, () => textFrame(engineText(random)))
  if (isBroken)
    packets.splice(
      count - random.below(4),
      0,
      random.below(4) ? textFrame(brokenPacket(random)) : broken(random),
    )
  await writeInPieces(socket, Buffer.concat(packets), random)
  if (!isBroken && !closeReceived) {
    socket.write(textFrame(`42${PROBE_ID}["echo"]`))
    if (!(await inTime(probed, socket.gone))) checker.add(name, 'no answer at the end', handshake)
    // A Socket.IO client does not reconnect after a refusal, so a client that may reconnect gets none.
    else if (welcomed && socket.ended && unlimited && !closeReceived) {
      checker.add(name, 'closed without a reason', handshake)
    }
  }
  await leave(socket, random, isBroken).catch((error: Error) => checker.add(name, error.message))
  return packets.length
}
