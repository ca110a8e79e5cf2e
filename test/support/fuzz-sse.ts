import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { createRandom, type Random } from '../../plugins/testing/random.ts'
import { fuzzBytes, fuzzFields, fuzzQuery, fuzzText, PROBE_ID } from './fuzz-frames.ts'
import { bearer, type Fuzzing, inTime, type Peer } from './fuzz-peers.ts'

const agent = new Agent({ keepAlive: true, maxSockets: 64, timeout: 20_000 })

/** Status codes that a peer may get for invalid requests. */
const STATUSES = new Set([200, 204, 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 431])

/** An event stream, which is read until the server or the peer ends it. */
class Stream {
  readonly ended: Promise<void>
  readonly welcomed: Promise<void>
  readonly probed: Promise<void>
  session: string | undefined
  #welcome = () => {}
  #answer = () => {}
  readonly #name: string
  readonly #fuzzing: Fuzzing
  readonly #request: ReturnType<typeof request>
  #text = ''

  constructor(fuzzing: Fuzzing, query: string, name: string, random: Random) {
    this.#fuzzing = fuzzing
    this.#name = name
    this.welcomed = new Promise((resolve) => {
      this.#welcome = resolve
    })
    this.probed = new Promise((resolve) => {
      this.#answer = resolve
    })
    const headers = { accept: 'text/event-stream', ...bearer(random) }
    this.#request = request(`${fuzzing.url}/api/v1/sse${query}`, { headers, agent: false })
    this.ended = new Promise((resolve) => {
      this.#request.on('error', () => resolve())
      this.#request.on('response', (response) => this.#read(response, resolve))
    })
    this.#request.end()
  }

  destroy(): void {
    this.#request.destroy()
  }

  #read(response: IncomingMessage, ended: () => void): void {
    const { checker } = this.#fuzzing
    const { statusCode = 0 } = response
    if (!STATUSES.has(statusCode)) checker.add(this.#name, `a stream was answered with ${statusCode}`)
    response.setEncoding('utf8')
    response.on('error', () => {})
    response.on('close', ended)
    response.on('data', (text: string) => {
      this.#text += text
      if (statusCode !== 200) return
      const events = this.#text.split('\n\n')
      this.#text = events.pop() ?? ''
      for (const event of events) {
        const data = /(?:^|\n)data: ([^\n]*)/.exec(event)?.[1]
        if (data !== undefined) this.#take(data)
        else if (!/^(:|retry: \d+$)/m.test(event)) checker.add(this.#name, 'a strange event', event)
      }
    })
  }

  #take(data: string): void {
    const frame = JSON.parse(data) as { type?: string; id?: number; session?: string }
    this.#fuzzing.checker.checkFrame(this.#name, frame)
    if (frame.type === 'welcome') {
      this.session = frame.session
      this.#welcome()
    }
    if (frame.id === PROBE_ID) this.#answer()
  }
}

/** Sends a body and checks the response. */
const post = (
  { url, checker }: Fuzzing,
  path: string,
  body: Buffer,
  headers: object,
  name: string,
): Promise<void> =>
  new Promise((resolve) => {
    const posting = request(`${url}${path}`, {
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/json', 'content-length': body.length, ...headers },
    })
    posting.on('error', () => resolve())
    posting.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (more: string) => {
        text += more
      })
      response.on('error', () => {})
      response.on('close', () => {
        const status = response.statusCode ?? 0
        if (!STATUSES.has(status)) checker.add(name, `a request was answered with ${status}`, text)
        else if (status === 200 && !/^\{"next":\d+\}$/.test(text)) checker.add(name, 'a strange answer', text)
        else if (status >= 400 && text.startsWith('{')) {
          checker.checkError(name, (JSON.parse(text) as { error: unknown }).error)
        }
        resolve()
      })
    })
    posting.end(body)
  })

/** Sends malformed requests. Resolves when the server has closed the connection, or after a short time. */
const sendMalformedRequest = (url: string, session: string, random: Random): Promise<void> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url)
    const body = fuzzText(random)
    const target = `/api/v1/sse/${session}`
    const text = random.pick([
      () => `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length + 50}\r\n\r\n${body}`,
      () => `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n${body}`,
      () => `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n${body}`,
      () => `GET ${target}/../../sse?topic=%zz HTTP/1.1\r\nHost: ${fuzzText(random).replace(/[\r\n]/g, '')}\r\n\r\n`,
      () => `GET //[/api/v1/sse HTTP/1.1\r\nHost: x\r\n\r\n`,
      () => `GET http://[::1/api HTTP/1.1\r\nHost: x\r\n\r\n`,
      () => `GET /api/v1/sse HTTP/1.1\r\n\r\n`,
      () => `PATCH ${target} HTTP/1.1\r\nHost: \0\r\n\r\n`,
      () => `GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${random.pick(['websocket', 'h2c'])}\r\nSec-WebSocket-Version: ${random.below(20)}\r\n\r\n`,
      () => fuzzBytes(random).toString('latin1'),
    ])() // biome-ignore format: a table
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.on('data', () => {})
    socket.write(Buffer.from(text, 'latin1'))
    setTimeout(() => socket.destroy(), 5 + random.below(40))
  })

/** A request body: a list of frames, or text that may not be JSON. Numbered bodies also come twice, late and early. */
const bodyOf = (random: Random): { readonly body: Buffer; readonly frames: number } => {
  if (random.below(6) === 0) {
    const body = random.below(3) === 0 ? fuzzBytes(random) : Buffer.from(fuzzText(random))
    return { body, frames: 1 }
  }
  const first = 1 + random.below(12)
  const numbered = random.below(2) === 0
  const frames = Array.from({ length: 1 + random.below(14) }, (_, index) => ({
    ...fuzzFields(random),
    ...(numbered && {
      seq: random.below(60) === 0 ? random.pick([0, -1, 1.5, '1', 2 ** 53, null]) : first + index,
    }),
  }))
  return { body: Buffer.from(JSON.stringify(frames)), frames: frames.length }
}

export const ssePeer: Peer = async (fuzzing, number) => {
  const random = createRandom(fuzzing.seed, `sse ${number}`)
  const name = `sse ${number}`
  const query = random.below(2) === 0 ? fuzzQuery(random) : `?resume=${random.below(2)}&topic=feed/*`
  const stream = new Stream(fuzzing, query, name, random)
  if (!(await inTime(stream.welcomed, stream.ended))) fuzzing.checker.add(name, 'no welcome', query)
  const session = stream.session ?? '-0123456789abcdef'
  const at = `/api/v1/sse/${session}`
  let sent = 0
  for (let posts = 2 + random.below(8); posts > 0; posts--) {
    const { body, frames } = bodyOf(random)
    const otherPath = random.below(12) === 0
    const path = otherPath
      ? random.pick([
          `${at}x`,
          `${at}/`,
          `${at}%00`,
          `/api/v1/sse/${encodeURIComponent(fuzzText(random))}`,
          `${at}?x=1`,
          '/api/v1/sse/__proto__',
          '/api/v1/sse/',
        ])
      : at
    const headers =
      random.below(20) === 0
        ? { 'content-type': random.pick(['text/plain', '', 'application/json; charset=x']) }
        : {}
    await post(fuzzing, path, body, headers, name)
    sent += frames
  }
  if (random.below(3) === 0) await sendMalformedRequest(fuzzing.url, session, random)
  if (stream.session) {
    await post(fuzzing, at, Buffer.from(`{"topic":"echo","id":${PROBE_ID}}`), {}, name)
    if (!(await inTime(stream.probed, stream.ended))) fuzzing.checker.add(name, 'no answer at the end', query)
  }
  if (random.below(3) === 0) await leave(fuzzing.url + at)
  stream.destroy()
  await stream.ended
  return sent
}

const leave = (url: string): Promise<void> =>
  new Promise((resolve) => {
    const leaving = request(url, { method: 'DELETE', agent })
    leaving.on('error', () => resolve())
    leaving.on('response', (response) => response.resume().on('close', () => resolve()))
    leaving.end()
  })

/** Closes the keep-alive connections. */
export const closeAgent = (): void => agent.destroy()
