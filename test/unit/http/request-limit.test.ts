import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RequestLimit } from '../../../plugins/http/request-limit.ts'
import { TrustedProxies, type TrustProxy } from '../../../plugins/http/trusted-proxies.ts'
import { recordingLogger } from '../../support/app.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

class FakeSocket extends EventEmitter {
  bytesRead = 0
  destroyed = false
  readonly remoteAddress: string | undefined

  constructor(remoteAddress: string | undefined) {
    super()
    this.remoteAddress = remoteAddress
  }

  destroy() {
    if (this.destroyed) return
    this.destroyed = true
    this.emit('close')
  }
}

const RATE = 10
const BURST = 20

const create = (trustProxy: TrustProxy = false) => {
  const server = new EventEmitter()
  const log = recordingLogger()
  const proxies = new TrustedProxies(trustProxy)
  const limit = new RequestLimit(server as never, { rate: RATE, burst: BURST, proxies, log })
  const connect = (address: string | undefined) => {
    const socket = new FakeSocket(address)
    server.emit('connection', socket)
    return socket
  }
  /** Status of the answer to one more request; undefined if the request is under the limit. */
  const ask = (socket: FakeSocket, headers: Record<string, string> = {}) => {
    socket.bytesRead += 100
    const sent: { connection?: unknown } = {}
    const response = {
      setHeader: (name: string, value: unknown) => {
        if (name === 'connection') sent.connection = value
      },
      end: () => {},
      statusCode: 0,
    }
    const refused = limit.refuses({ socket, headers } as never, response as never)
    return refused ? { status: response.statusCode, connection: sent.connection } : undefined
  }
  return { ask, connect, limit, lines: log.lines }
}

const TOO_MANY = { status: 429, connection: 'close' }

describe('the request limit', () => {
  it('lets a burst through, then the rate, and logs one warning', () => {
    const { ask, connect, lines } = create()
    const socket = connect('1.2.3.4')
    for (let count = 0; count < BURST; count++) expect(ask(socket)).toBeUndefined()
    expect(ask(socket)).toEqual(TOO_MANY)
    vi.advanceTimersByTime(2000)
    const next = connect('1.2.3.4')
    // Two seconds have brought as many tokens as the bucket holds, less the one that was owed.
    for (let count = 1; count < BURST; count++) expect(ask(next)).toBeUndefined()
    expect(ask(next)).toEqual(TOO_MANY)
    expect(lines).toMatchObject([{ level: 'warn', address: '1.2.3.4' }])
    expect(lines[0]?.msg).toMatch(/requestRate[\s\S]*trustProxy/)
  })

  it('counts by network, and does not limit the machine itself', () => {
    const { ask, connect } = create()
    const flood = connect('1.2.3.4')
    for (let count = 0; count <= BURST; count++) ask(flood)
    expect(ask(connect('1.2.3.5'))).toBeUndefined()
    const [one, other] = [connect('2001:db8:0:1::1'), connect('2001:db8:0:1::2')]
    for (let count = 0; count < BURST; count++) ask(one)
    expect(ask(other)).toEqual(TOO_MANY)
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      const local = connect(address)
      for (let count = 0; count < 100; count++) expect(ask(local)).toBeUndefined()
    }
  })

  it('answers one request over the limit on a connection, and drops the unread connections of the network', () => {
    const { ask, connect, limit } = create()
    const read = connect('1.2.3.4')
    ask(read)
    const [unread, foreign] = [connect('1.2.3.4'), connect('9.9.9.9')]
    const flood = connect('1.2.3.4')
    for (let count = 1; count < BURST; count++) ask(flood)
    expect(ask(flood)).toEqual(TOO_MANY)
    expect(ask(flood)).toEqual({ status: 0, connection: undefined })
    expect([read, unread, foreign].map(({ destroyed }) => destroyed)).toEqual([false, true, false])
    expect([...limit.unread()]).toEqual([foreign])
  })

  it('drops new connections while the network is over its rate, counting requests that were not answered', () => {
    const { ask, connect } = create()
    const flood = connect('1.2.3.4')
    for (let count = 0; count < 2 * BURST; count++) ask(flood)
    expect(connect('1.2.3.4').destroyed).toBe(true)
    vi.advanceTimersByTime(1999)
    expect(connect('1.2.3.4').destroyed).toBe(true)
    expect(connect('1.2.3.5').destroyed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(connect('1.2.3.4').destroyed).toBe(false)
  })

  it('then lets in one unread connection at a time for ten seconds', () => {
    const { ask, connect } = create()
    const flood = connect('1.2.3.4')
    for (let count = 0; count <= BURST; count++) ask(flood)
    vi.advanceTimersByTime(2000)
    const [first, second] = [connect('1.2.3.4'), connect('1.2.3.4')]
    expect([first.destroyed, second.destroyed]).toEqual([false, true])
    expect(ask(first)).toBeUndefined()
    const third = connect('1.2.3.4')
    expect([third.destroyed, connect('1.2.3.4').destroyed]).toEqual([false, true])
    third.destroy()
    expect(connect('1.2.3.4').destroyed).toBe(false)
    vi.advanceTimersByTime(10_001)
    expect([connect('1.2.3.4'), connect('1.2.3.4')].map(({ destroyed }) => destroyed)).toEqual([false, false])
  })

  it('counts by client behind trusted proxies, and keeps the proxies’ connections', () => {
    const { ask, connect } = create(['10.0.0.0/8'])
    const proxy = connect('10.0.0.1')
    const flood = { 'x-forwarded-for': '1.2.3.4' }
    for (let count = 0; count < BURST; count++) expect(ask(proxy, flood)).toBeUndefined()
    expect(ask(proxy, flood)).toEqual({ status: 429, connection: undefined })
    expect(ask(proxy, { 'x-forwarded-for': '1.2.3.5' })).toBeUndefined()
    expect(ask(proxy, flood)?.status).toBe(429)
    expect(proxy.destroyed).toBe(false)
    expect(connect('10.0.0.1').destroyed).toBe(false)
  })

  it('drops connections that were reset before they were accepted', () => {
    const { connect, limit } = create()
    expect(connect(undefined).destroyed).toBe(true)
    expect([...limit.unread()]).toEqual([])
  })

  it('forgets closed connections', () => {
    const { connect, limit } = create()
    connect('1.2.3.4').destroy()
    expect([...limit.unread()]).toEqual([])
  })
})
