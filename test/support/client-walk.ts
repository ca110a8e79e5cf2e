import { createHmac } from 'node:crypto'
import { type App, RookeryError } from 'rookery'
import { auth } from 'rookery/auth'
import { type Client, createClient, type Room, sse, websocket } from 'rookery/client'
import { rooms } from 'rookery/rooms'
import { sse as ssePlugin } from 'rookery/sse'
import { expect, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { history } from '../../plugins/history/index.ts'
import { createRandom, type Random } from '../../plugins/testing/random.ts'
import { activeResources, type Resources, untilReleased } from '../../plugins/testing/resources.ts'
import { startApp } from './app.ts'
import { KeptLog } from './client-walk-kept.ts'
import { CallLog, Listening, NoteLog, type Violations } from './client-walk-logs.ts'
import { FaultyProxy } from './proxy.ts'

const SECRET = 's'.repeat(32)

/** Lifetime of a token, in seconds: the client renews its token several times during a walk. */
const TOKEN_LIFETIME_S = 4

/** How far the clock jumps when the computer sleeps, in milliseconds. */
const SLEEP_MS = 90_000

const TOPICS = ['count/a', 'count/b', 'count/c/d']
const ROOMS = ['red', 'blue']
const PATTERNS = ['count/*', 'count/a', 'count/*/d', 'count/b']

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const token = (): string => {
  const exp = Math.floor(Date.now() / 1000) + TOKEN_LIFETIME_S
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: 'ada', exp })}`
  return `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}`
}

interface Parts {
  readonly app: App
  readonly proxy: FaultyProxy
  readonly notes: NoteLog
  readonly calls: CallLog
  readonly violations: Violations
}

/**
 * A client behind a proxy with faults, and a server that publishes numbered messages all the time. Each step of the walk
 * is a random act of the network, the server or the application. The logs compare what arrives with what was sent.
 */
export class ClientWalk {
  readonly violations: Violations
  /** Names of the transports in use so far. */
  readonly transports = new Set<string>()
  /** Number of connections that have ended. */
  closes = 0
  readonly #random: Random
  readonly #app: App
  readonly #proxy: FaultyProxy
  readonly #client: Client
  readonly #notes: NoteLog
  readonly #calls: CallLog
  readonly #kept: KeptLog
  readonly #listening = new Set<Listening>()
  readonly #joined = new Set<Room>()
  /** Messages published so far, by topic. */
  readonly #published = new Map(TOPICS.map((topic) => [topic, 0]))
  readonly #publisher: ReturnType<typeof setInterval>
  /** Sockets and timers of the process before the client was created. */
  readonly #before: Resources = activeResources()
  #clock = 0

  private constructor(random: Random, { app, proxy, notes, calls, violations }: Parts) {
    this.#random = random
    this.#app = app
    this.#proxy = proxy
    this.#notes = notes
    this.#calls = calls
    this.violations = violations
    this.#kept = new KeptLog(violations)
    const now = Date.now.bind(Date)
    vi.spyOn(Date, 'now').mockImplementation(() => now() + this.#clock)
    this.#client = createClient({
      url: proxy.url,
      token: async () => token(),
      transports: [websocket({ WebSocket }), sse()],
      reconnect: { min: 2, max: 20 },
      upgrade: { min: 5, max: 50 },
      connectTimeout: 1_000,
      maxQueue: 5_000,
    })
    this.#client.on('close', () => {
      this.closes++
      notes.broken()
      for (const one of this.#listening) one.broken()
    })
    this.#client.on('open', ({ transport }) => {
      this.transports.add(transport)
      notes.opened()
    })
    // The walk causes errors; `error` listeners keep them off the console.
    this.#client.on('error', () => {})
    this.#publisher = setInterval(() => this.#publish(), 1)
  }

  static async start(seed: number): Promise<ClientWalk> {
    const violations: Violations = []
    const notes = new NoteLog(violations)
    const calls = new CallLog(violations)
    const { app, url } = await startApp({
      limits: { messageRate: 100_000, messageBurst: 100_000, handshakeRate: 10_000, handshakeBurst: 10_000 },
      plugins: [
        ssePlugin({ grace: '1s' }),
        rooms(),
        history({ topics: ['kept/*'], maxReplay: 1_000_000, maxMessages: 1_000_000 }),
        auth({ jwt: { secret: SECRET }, grace: '1s', user: ({ sub }) => ({ id: `${sub}`, name: `${sub}` }) }),
      ],
      prepare: (app) => {
        app.handle('note', (_ctx, payload) => notes.arrived(payload as number))
        app.handle('call', (_ctx, payload) => calls.arrived(payload as number))
        app.handle('sync', () => undefined)
        app.handle('member', ({ session }, room) => session.rooms.has(room as string))
      },
    })
    const proxy = await FaultyProxy.listen(url)
    const walk = new ClientWalk(createRandom(seed, 'client walk'), { app, proxy, notes, calls, violations })
    onTestFinished(() => walk.#stop())
    return walk
  }

  /** Makes random steps, and falls back to SSE in the middle. After each step, the server publishes some messages. */
  async walk(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      if (step === Math.floor(steps / 2)) await this.#fallBack()
      this.#step()
      const goal = this.#total() + this.#random.pick([0, 1, 5, 30])
      await vi.waitFor(() => expect(this.#total()).toBeGreaterThanOrEqual(goal), { interval: 1 })
    }
  }

  /** Heals the network and waits until all subscriptions deliver and the server has handled all notes. */
  async settle(): Promise<void> {
    this.#proxy.heal()
    // The server may still close a connection.
    await vi.waitFor(() => this.#call('sync'))
    await vi.waitFor(() => {
      expect([this.#client.state, this.#client.transport]).toEqual(['open', 'websocket'])
      expect([...this.#listening].map(({ state }) => state)).not.toContain('pending')
      expect(this.#kept.hasPending).toBe(false)
      expect([...this.#joined].map(({ state }) => state)).not.toContain('joining')
    })
    await vi.waitFor(() => this.#expectOneSession())
    await this.#call('sync')
    this.#notes.checkFirst(this.#notes.size)
    for (const one of this.#listening) await one.untilNext()
    await this.#kept.settled()
    await this.#calls.settled()
  }

  /** Closes the client. Nothing of it may be left on the server. */
  async close(): Promise<void> {
    clearInterval(this.#publisher)
    this.#client.close()
    await vi.waitFor(() => expect(this.#app.sessions.size).toBe(0))
    await this.#calls.settled()
    await vi.waitFor(() => expect(this.#proxy.openUpgrades).toBe(0))
    // Node's `fetch` keeps connections of aborted requests, whose other ends are in the proxy.
    await this.#proxy.close()
    await untilReleased({ timeout: 20_000 }, this.#before, 'Nothing of a closed client is left')
  }

  #expectOneSession(): void {
    const sessions = [...this.#app.sessions]
    expect(sessions.map(({ id }) => id)).toEqual([this.#client.session])
    const wanted = new Set([...this.#kept.patterns, ...[...this.#listening].map(({ pattern }) => pattern)])
    const rooms = new Set([...this.#joined].map(({ name }) => name))
    for (const name of rooms) wanted.add(`rooms/${name}/*`)
    expect(new Set(sessions[0]?.subscriptions)).toEqual(wanted)
    expect(new Set(sessions[0]?.rooms)).toEqual(rooms)
  }

  #step(): void {
    const { below, pick } = this.#random
    pick([
      () => this.#proxy.cut(),
      () => this.#proxy.become({ upgrades: pick([403, 502, 'swallow', 'pass']) }),
      () => this.#proxy.become({ upgrades: 403, responses: 'buffer' }),
      () => this.#proxy.heal(),
      () => this.#proxy.heal(),
      () => this.#sleep(),
      () => this.#client.connect(),
      () =>
        void this.#app.sessions.disconnect(
          { user: 'ada' },
          new RookeryError(pick(['shutting_down', 'slow_consumer'])),
        ),
      () => this.#subscribe(pick(PATTERNS)),
      () => this.#subscribe(pick(PATTERNS)),
      () => {
        const one = this.#subscribe(pick(PATTERNS))
        this.#listening.delete(one)
        one.cancel()
      },
      () => this.#cancel(),
      () => this.#kept.subscribe(this.#client, this.#random),
      () => this.#kept.subscribe(this.#client, this.#random),
      () => this.#kept.cancel(this.#random),
      () => void this.#joined.add(this.#client.join(pick(ROOMS))),
      () => this.#leave(),
      () => void this.#askMembership(),
      () => void this.#askMembership(),
      () => this.#send(1 + below(20)),
      () => this.#send(1 + below(20)),
      () => this.#calls.add((number) => this.#client.call('call', number)),
      () => this.#calls.add((number) => this.#client.call('call', number)),
      () => void this.#sync(),
      () => void this.#sync(),
    ])()
  }

  #publish(): void {
    const topic = this.#random.pick(TOPICS)
    const number = (this.#published.get(topic) as number) + 1
    this.#published.set(topic, number)
    void this.#app.publish(topic, number)
    if (this.#random.below(4) === 0) this.#kept.publish(this.#app, this.#random)
  }

  /** WebSockets stop working. The client connects by SSE. */
  async #fallBack(): Promise<void> {
    this.#proxy.become({ upgrades: 403 })
    this.#proxy.cut()
    await vi.waitFor(() => expect([this.#client.state, this.#client.transport]).toEqual(['open', 'sse']))
  }

  #total(): number {
    return [...this.#published.values()].reduce((sum, count) => sum + count)
  }

  /** The clock jumps. In most cases the connection is dead afterwards. */
  #sleep(): void {
    this.#clock += SLEEP_MS
    if (this.#random.below(3) > 0) this.#proxy.cut()
  }

  #subscribe(pattern: string): Listening {
    const one = new Listening(this.#client, pattern, this.violations)
    this.#listening.add(one)
    return one
  }

  #cancel(): void {
    if (this.#listening.size === 0) return
    const one = this.#random.pick([...this.#listening])
    this.#listening.delete(one)
    one.cancel()
  }

  #leave(): void {
    if (this.#joined.size === 0) return
    const room = this.#random.pick([...this.#joined])
    this.#joined.delete(room)
    room.leave()
  }

  /** A call that is made while the client is in a room reaches the server while its session is in the room. */
  async #askMembership(): Promise<void> {
    if (this.#joined.size === 0) return
    const room = this.#random.pick([...this.#joined])
    const isMember = await this.#client.call('member', room.name).catch(() => undefined)
    if (isMember === false && this.#joined.has(room)) this.violations.push(`not in room ${room.name}`)
  }

  #send(count: number): void {
    for (let sent = 0; sent < count; sent++) this.#notes.send(this.#client)
  }

  /** The reply to a call that was sent after notes says that the server has handled them. */
  async #sync(): Promise<void> {
    const { size } = this.#notes
    const replied = await this.#call('sync').then(
      () => true,
      () => false,
    )
    if (replied) this.#notes.checkFirst(size)
  }

  async #call(topic: string): Promise<void> {
    await this.#client.call(topic, undefined, { timeout: 30_000 })
  }

  #stop(): void {
    clearInterval(this.#publisher)
    this.#client.close()
    vi.restoreAllMocks()
  }
}
