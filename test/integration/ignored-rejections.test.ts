import { createApp, type ErrorReport, RookeryError, type Session } from 'rookery'
import { Rooms, rooms } from 'rookery/rooms'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { recordingLogger } from '../support/app.ts'
import { ask, startThree, TRANSPORTS, welcomeBy } from '../support/three-transports.ts'

const unhandled = vi.fn()
let others: NodeJS.UnhandledRejectionListener[] = []

beforeEach(() => {
  unhandled.mockClear()
  others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', unhandled)
})

afterEach(() => {
  process.removeAllListeners('unhandledRejection')
  for (const listener of others) process.on('unhandledRejection', listener)
})

/** Two turns of the event loop: Node reports an unhandled rejection after the first one. */
const turns = async () => {
  for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate)
}

const start = () => {
  const logger = recordingLogger()
  const app = createApp({ logger })
  const reports: ErrorReport[] = []
  app.onError((report) => reports.push(report))
  return { app, reports, lines: logger.lines }
}

type Call = (app: ReturnType<typeof start>['app']) => Promise<unknown>

const CALLS: readonly (readonly [string, string, string, Call])[] = [
  ['publish to an invalid topic', 'publish', 'invalid_topic', (app) => app.publish('bad topic')],
  ['publish of an event without topics', 'publish', 'invalid_topic', (app) => app.publish({} as never)],
  [
    'publish with an unknown option',
    'publish',
    'invalid_option',
    (app) => app.publish('a', 1, { except: 'x' } as never),
  ],
  [
    'publish of an event with an unknown field',
    'publish',
    'invalid_option',
    (app) => app.publish({ topics: ['a'], payload: 1, to: 'x' } as never),
  ],
  ['publish of a map', 'publish', 'unserializable', (app) => app.publish('a', new Map())],
  ['send to an invalid topic', 'send', 'invalid_topic', (app) => app.send({ user: '7' }, 'bad topic')],
  ['send to an invalid target', 'send', 'invalid_option', (app) => app.send({} as never, 'a')],
  ['send of a map', 'send', 'unserializable', (app) => app.send({ user: '7' }, 'a', new Map())],
  ['disconnect', 'disconnect', 'invalid_option', (app) => app.sessions.disconnect({} as never)],
]

describe('a call with invalid input', () => {
  it.each(CALLS)('rejects: %s', async (_what, _stage, code, call) => {
    const { app, reports } = start()
    await expect(call(app)).rejects.toMatchObject({ code })
    await call(app).catch(() => {})
    await Promise.allSettled([call(app)])
    await turns()
    expect(reports).toEqual([])
    expect(unhandled).not.toHaveBeenCalled()
  })

  it.each(CALLS)(
    'is logged and reported if nobody handles the rejection: %s',
    async (_what, stage, code, call) => {
      verifies('delivery.published.ignored-rejection')
      const { app, reports, lines } = start()
      void call(app)
      await vi.waitFor(() => expect(reports).toMatchObject([{ stage, error: { code } }]))
      await turns()
      expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
        { stage, errorId: reports[0]!.id },
      ])
      expect(unhandled).not.toHaveBeenCalled()
    },
  )
})

it('a message to nobody, whose rejection nobody handles, is no error', async () => {
  const { app, reports, lines } = start()
  await app.start()
  void app.send({ user: '7' }, 'inbox/new')
  await vi.waitFor(() =>
    expect(lines.find(({ stage }) => stage === 'send')).toMatchObject({ level: 'debug' }),
  )
  await turns()
  expect(reports).toEqual([])
  expect(unhandled).not.toHaveBeenCalled()
  await app.stop()
})

describe('a call of Rooms', () => {
  const closed = { closed: true, rooms: new Set() } as unknown as Session
  const calls: readonly (readonly [string, string, string, (all: Rooms) => Promise<unknown>])[] = [
    ['join', 'invalid_room', 'error', (all) => all.join(closed, 'a/b')],
    ['join of a session that has ended', 'session_closed', 'debug', (all) => all.join(closed, '42')],
    ['broadcast', 'invalid_room', 'error', (all) => all.broadcast('a/b', 'news')],
  ]

  it.each(calls)(
    'rejects, and is logged if nobody handles the rejection: %s',
    async (_what, code, level, call) => {
      const logger = recordingLogger()
      const app = createApp({ logger, plugins: [rooms()] })
      const all = app.scope.get(Rooms)
      await expect(call(all)).rejects.toMatchObject({ code })
      await turns()
      const logged = () => logger.lines.filter(({ stage }) => stage === 'rooms')
      expect(logged()).toEqual([])
      void call(all)
      await vi.waitFor(() => expect(logged()).toMatchObject([{ level, err: { code } }]))
      await turns()
      expect(unhandled).not.toHaveBeenCalled()
    },
  )
})

it('closing a room with a reason that JSON cannot hold rejects, and is logged if nobody handles the rejection', async () => {
  const { app, url, lines } = await startThree({ plugins: [rooms()] })
  await welcomeBy('websocket', url, { username: 'ada', roomID: '42' })
  const close = () =>
    app.scope.get(Rooms).close('42', new RookeryError('over', 'It is over', { data: new Map() }))
  await expect(close()).rejects.toMatchObject({ code: 'unserializable' })
  await turns()
  const logged = () => lines.filter(({ msg }) => msg === 'closing a room failed')
  expect(logged()).toEqual([])
  void close()
  await vi.waitFor(() =>
    expect(logged()).toMatchObject([{ level: 'error', err: { code: 'unserializable' } }]),
  )
  await turns()
  expect(unhandled).not.toHaveBeenCalled()
})

describe.each(TRANSPORTS)('over %s, a handler that publishes', (transport) => {
  it.each(['publish', 'broadcast'] as const)('with %s and invalid input goes on', async (method) => {
    const { app, url } = await startThree()
    const reports: ErrorReport[] = []
    app.onError((report) => reports.push(report))
    app.handle('ignore', (ctx) => {
      void ctx[method]('bad topic')
      return 'done'
    })
    app.handle('await', async (ctx) => await ctx[method]('bad topic'))
    const peer = await welcomeBy(transport, url)
    expect(await ask(peer, { topic: 'ignore' })).toBe('done')
    await vi.waitFor(() => expect(reports).toMatchObject([{ stage: 'publish', topic: 'bad topic' }]))
    expect(await ask(peer, { topic: 'await' })).toBe('invalid_topic')
    await turns()
    expect(reports.length).toBe(1)
    expect(unhandled).not.toHaveBeenCalled()
  })
})
