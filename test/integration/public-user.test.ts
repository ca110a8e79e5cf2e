import { createApp, type ServerFrame, type User } from 'rookery'
import { http } from 'rookery/http'
import { rooms } from 'rookery/rooms'
import { websocket } from 'rookery/websocket'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { recordingLogger } from '../support/app.ts'
import { ask, startThree, TRANSPORTS, welcomeBy } from '../support/three-transports.ts'

const columns = Object.fromEntries(
  Array.from({ length: 20 }, (_, index) => [`column${index}`, `private ${index}`]),
)

describe.each(TRANSPORTS)('a user with many fields, over %s,', (transport) => {
  const connect = async (publicUserFields: readonly string[] | undefined, more: object = {}) => {
    const row = { id: 'ada', name: 'Ada', role: 'staff', ...columns, ...more } as User
    const { app, url, lines } = await startThree({
      publicUserFields,
      plugins: [rooms()],
      prepare: (app) => {
        app.sessions.onAuthenticate(() => row)
        app.handle('column', (ctx) => ctx.user?.column3)
      },
    })
    const peer = await welcomeBy(transport, url, { roomID: '42' })
    const { user } = peer.frames[0] as Extract<ServerFrame, { type: 'welcome' }>
    return { app, peer, row, user, lines }
  }

  it('is sent with its id and name only, and kept whole on the server', async () => {
    verifies('protocol.server-frame.public-user')
    const { app, peer, row, user } = await connect(undefined, { big: 1n })
    expect(user).toEqual({ id: 'ada', name: 'Ada' })
    expect([...app.sessions][0]?.user).toBe(row)
    expect(await ask(peer, { topic: 'column' })).toBe('private 3')
    await ask(peer, { topic: 'room/members', payload: {} })
    expect(JSON.stringify(peer.frames.filter(({ type }) => type !== 'reply'))).not.toContain('private')
  })

  it('is sent with its declared fields, without fields that JSON cannot hold, which the log names', async () => {
    verifies('protocol.server-frame.public-user')
    const { peer, user, lines } = await connect(['role', 'big', 'missing'], {
      big: 1n,
      toJSON: () => ({ leaked: true }),
    })
    expect(user).toEqual({ id: 'ada', name: 'Ada', role: 'staff' })
    expect(await ask(peer, { topic: 'echo', payload: 1 })).toBe(1)
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
      { field: 'big', stage: 'welcome', err: { code: 'unserializable' } },
    ])
  })
})

describe('an app that everybody may use', () => {
  afterEach(() => vi.unstubAllEnvs())

  /** Warnings and errors of an app at start. */
  const startWith = async (
    options: object = {},
    prepare: (app: ReturnType<typeof createApp>) => void = () => {},
  ) => {
    const logger = recordingLogger()
    const app = createApp({
      logger,
      plugins: [http({ port: 0, hostname: '127.0.0.1' }), websocket(), rooms()],
      ...options,
    })
    prepare(app)
    await app.start()
    onTestFinished(() => app.stop())
    return logger.lines.flatMap(({ level, msg }) =>
      level === 'warn' || level === 'error' ? [[level, msg]] : [],
    )
  }

  it.each([
    ['development', 'warn'],
    ['production', 'error'],
  ])('is told so once when it starts: NODE_ENV=%s, level %s', async (env, level) => {
    vi.stubEnv('NODE_ENV', env)
    const lines = await startWith()
    expect(lines).toEqual([
      [level, expect.stringMatching(/add auth\(\) or an authorizer, or set allowAnonymous: true/)],
    ])
  })

  it('is not told so if it says that it wants this, or if it identifies or authorizes clients, or has no transport', async () => {
    expect(await startWith({ allowAnonymous: true })).toEqual([])
    expect(await startWith({ plugins: [] })).toEqual([])
    expect(await startWith({}, (app) => app.sessions.onAuthenticate(() => null))).toEqual([])
    const authorizer = { authorize: () => true, authorizePattern: () => true }
    expect(await startWith({}, (app) => app.sessions.addAuthorizer(authorizer))).toEqual([])
  })

  it.each([
    ['publicUserFields', 'role'],
    ['publicUserFields', ['']],
    ['allowAnonymous', 'yes'],
  ])('refuses an invalid option: %s', (name, value) => {
    expect(() => createApp({ [name]: value })).toThrow(expect.objectContaining({ code: 'invalid_option' }))
  })
})
