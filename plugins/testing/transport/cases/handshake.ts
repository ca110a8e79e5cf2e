import { expect } from 'vitest'
import { RookeryError } from '../../../../core/protocol/errors.ts'
import type { AuthenticateHook } from '../../../../core/sessions/sessions.ts'
import type { Handshake } from '../../../../core/sessions/transport.ts'
import type { TestServer } from '../test-server.ts'
import type { TransportCase, TransportCaseContext } from '../transport-case.ts'

/** Starts an app with an authenticate hook. */
const startWith = (
  context: TransportCaseContext,
  authenticate: AuthenticateHook,
  options = {},
): Promise<TestServer> => context.start(options, (app) => void app.sessions.onAuthenticate(authenticate))

/** Starts an app and connects one peer. Resolves with the handshake that the app got. */
const handshakeOf = async (
  context: TransportCaseContext,
  given: Parameters<TestServer['openSession']>[0],
) => {
  let handshake: Handshake | undefined
  const server = await startWith(context, (received) => {
    handshake = received
    return null
  })
  await server.openSession(given)
  return { server, handshake: handshake as unknown as Handshake }
}

/** Query parameters with separators, empty values and characters that need escaping. */
const PARAMS = { plain: 'a', empty: '', text: 'ä & b=c?#%20+\u{1f389}', 'na me': 'x', list: 'a,b' }

export const handshake: readonly TransportCase[] = [
  {
    name: 'the first frame of a session is welcome, with protocol, session id and limits',
    async run(context) {
      const server = await context.start({
        pingInterval: 20_000,
        limits: { maxPayload: 5000, messageRate: 70 },
      })
      const peer = await server.openSession()
      const welcome = await peer.untilWelcome()
      expect(peer.frames[0], 'welcome MUST be the first frame').toEqual(welcome)
      expect(welcome, 'welcome MUST arrive as it was written').toMatchObject({
        type: 'welcome',
        protocol: 1,
        user: null,
        pingInterval: 20_000,
        maxPayload: 5000,
        messageRate: 70,
      })
      const known = server.app.sessions.get(welcome.session)
      expect(known?.id, 'The session id in welcome MUST be that of a session of the app').toBe(
        welcome.session,
      )
    },
  },
  {
    name: 'the app gets the query of the handshake exactly as the peer sent it',
    async run(context) {
      const { handshake } = await handshakeOf(context, { params: PARAMS })
      const query = Object.fromEntries(handshake.query)
      expect(query, 'Handshake.query MUST hold the parameters of the peer').toMatchObject(PARAMS)
    },
  },
  {
    name: 'the app gets the token of the handshake',
    capability: 'token',
    async run(context) {
      const token = 'header.päyload.signature+/='
      const { handshake } = await handshakeOf(context, { token })
      expect(handshake.token, 'Handshake.token MUST hold the token of the peer').toBe(token)
      expect(
        Object.fromEntries(handshake.query),
        'Handshake.query MUST NOT hold the token',
      ).not.toHaveProperty('token')
    },
  },
  {
    name: 'the handshake has the transport name, the address of the peer, and header names in lower case',
    async run(context) {
      const { server, handshake } = await handshakeOf(context, {})
      const names = server.recorder.transports.map(({ name }) => name)
      expect(names, 'Handshake.transport MUST be the name of the transport').toContain(handshake.transport)
      expect(handshake.address, 'Handshake.address MUST be the address of the peer').toMatch(/./)
      const headers = Object.keys(handshake.headers)
      const lower = headers.map((header) => header.toLowerCase())
      expect(headers, 'Handshake.headers MUST have names in lower case').toEqual(lower)
    },
  },
  {
    name: 'each peer has the user of its own handshake and gets the messages to that user',
    async run(context) {
      const server = await startWith(context, ({ query }) => {
        const name = query.get('username') ?? 'nobody'
        return { id: name, name }
      })
      server.app.handle('whoami', (ctx) => ctx.user.id)
      const names = ['ada', 'bob', 'cyd', 'Дмитрий']
      const peers = await Promise.all(names.map((username) => server.openSession({ params: { username } })))
      for (const [index, peer] of peers.entries()) {
        const name = names[index] as string
        const { user } = await peer.untilWelcome()
        const requirement = 'A handshake MUST be that of its own connection'
        expect(user, requirement).toEqual({ id: name, name })
        expect(await peer.call('whoami'), requirement).toBe(name)
        await server.app.send({ user: name }, 'inbox', name)
      }
      for (const [index, peer] of peers.entries()) {
        await peer.untilPayloads('inbox', [names[index]], 'A frame MUST go to the connection of its own wire')
      }
    },
  },
  {
    name: 'a refused peer gets one frame: close, with the reason and reconnectAfter null',
    async run(context) {
      const server = await startWith(context, () => {
        throw new RookeryError('unauthenticated', 'Say who you are')
      })
      const peer = await server.connect()
      const close = await peer.untilEndedWith(
        'unauthenticated',
        'A wire that is closed during the handshake MUST close its connection',
      )
      expect(close, 'A refusal MUST arrive as it was written').toMatchObject({
        error: { code: 'unauthenticated', message: 'Say who you are' },
        reconnectAfter: null,
      })
      expect(peer.frames, 'A refused peer MUST get no frame but the close frame').toEqual([close])
      await server.untilSessions(0, 'A refused peer MUST leave no session')
    },
  },
  {
    name: 'a peer that is refused for a temporary reason gets a close frame with reconnectAfter',
    capability: 'passingRefusal',
    async run(context) {
      const server = await startWith(context, () => {
        throw new RookeryError('rate_limited')
      })
      const peer = await server.connect()
      const close = await peer.untilEndedWith(
        'rate_limited',
        'A wire that is closed during the handshake MUST close its connection',
      )
      expect(close.reconnectAfter, 'The close frame MUST arrive as it was written').toEqual(
        expect.any(Number),
      )
    },
  },
  {
    name: 'a handshake that exceeds its time limit ends the connection, and its late result is ignored',
    async run(context) {
      let answer = () => {}
      const late = new Promise<null>((resolve) => {
        answer = () => resolve(null)
      })
      const wait: AuthenticateHook = ({ query }) => (query.has('wait') ? late : null)
      const server = await startWith(context, wait, { handshakeTimeout: context.timeout / 16 })
      const peer = await server.connect({ params: { wait: '1' } })
      const requirement = 'A wire that is closed during the handshake MUST close its connection'
      if (context.has('passingRefusal')) await peer.untilEndedWith('handshake_timeout', requirement)
      else await peer.untilEnded(requirement)
      answer()
      const other = await server.openSession()
      await other.call('echo')
      expect(peer.frames.filter(({ type }) => type !== 'close')).toEqual([])
      await server.untilSessions(1, 'A refused peer MUST leave no session')
    },
  },
]
