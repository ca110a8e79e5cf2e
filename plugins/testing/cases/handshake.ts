import { expect } from 'vitest'
import { RookeryError } from '../../../core/protocol/errors.ts'
import type { AuthenticateHook } from '../../../core/sessions/sessions.ts'
import type { Handshake } from '../../../core/sessions/transport.ts'
import type { Case, Server, Trial } from '../trial.ts'

/** Starts an app that says who its peers are, or refuses them. */
const startWith = (trial: Trial, authenticate: AuthenticateHook, options = {}): Promise<Server> =>
  trial.start(options, (app) => void app.sessions.onAuthenticate(authenticate))

/** Starts an app and lets one peer in; resolves with the handshake that the app was given. */
const handshakeOf = async (trial: Trial, given: Parameters<Server['join']>[0]) => {
  let handshake: Handshake | undefined
  const server = await startWith(trial, (seen) => {
    handshake = seen
    return null
  })
  await server.join(given)
  return { server, handshake: handshake as unknown as Handshake }
}

/** What is between two peers in a query, and what tends to be lost in one. */
const PARAMS = { plain: 'a', empty: '', text: 'ä & b=c?#%20+\u{1f389}', 'na me': 'x', list: 'a,b' }

export const handshake: readonly Case[] = [
  {
    name: 'a session begins with welcome: protocol, session, and the limits of the app',
    async run(trial) {
      const server = await trial.start({ pingInterval: 20_000, limits: { maxPayload: 5000 } })
      const peer = await server.join()
      const welcome = await peer.welcome()
      expect(peer.frames[0], 'welcome MUST be the first frame').toEqual(welcome)
      expect(welcome, 'welcome MUST arrive as it was written').toMatchObject({
        type: 'welcome',
        protocol: 1,
        user: null,
        pingInterval: 20_000,
        maxPayload: 5000,
      })
      const known = server.app.sessions.get(welcome.session)
      expect(known?.id, 'The session of the welcome MUST be one of the app').toBe(welcome.session)
    },
  },
  {
    name: 'the query of the handshake reaches the app as the peer wrote it',
    async run(trial) {
      const { handshake } = await handshakeOf(trial, { params: PARAMS })
      const query = Object.fromEntries(handshake.query)
      expect(query, 'Handshake.query MUST hold what the peer said').toMatchObject(PARAMS)
    },
  },
  {
    name: 'the token of the handshake reaches the app',
    capability: 'token',
    async run(trial) {
      const token = 'header.päyload.signature+/='
      const { handshake } = await handshakeOf(trial, { token })
      expect(handshake.token, 'Handshake.token MUST hold what the peer presented').toBe(token)
      expect(Object.fromEntries(handshake.query), 'A token is no part of the query').not.toHaveProperty(
        'token',
      )
    },
  },
  {
    name: 'the handshake names the transport and the address, and has its headers in lower case',
    async run(trial) {
      const { server, handshake } = await handshakeOf(trial, {})
      const names = server.probe.transports.map(({ name }) => name)
      expect(names, 'Handshake.transport MUST be the name of the transport').toContain(handshake.transport)
      expect(handshake.address, 'Handshake.address MUST be the address of the peer').toMatch(/./)
      const headers = Object.keys(handshake.headers)
      const lower = headers.map((header) => header.toLowerCase())
      expect(headers, 'Handshake.headers MUST have names in lower case').toEqual(lower)
    },
  },
  {
    name: 'each of several peers is who it said it is, and is reached as that',
    async run(trial) {
      const server = await startWith(trial, ({ query }) => {
        const name = query.get('username') ?? 'nobody'
        return { id: name, name, role: `role of ${name}` }
      })
      server.app.handle('whoami', (ctx) => ctx.user.id)
      const names = ['ada', 'bob', 'cyd', 'Дмитрий']
      const peers = await Promise.all(names.map((username) => server.join({ params: { username } })))
      for (const [index, peer] of peers.entries()) {
        const name = names[index] as string
        const { user } = await peer.welcome()
        const demand = 'A handshake MUST be that of its own connection'
        expect(user, demand).toEqual({ id: name, name, role: `role of ${name}` })
        expect(await peer.call('whoami'), demand).toBe(name)
        await server.app.send({ user: name }, 'inbox', name)
      }
      for (const [index, peer] of peers.entries()) {
        await peer.untilOn('inbox', [names[index]], 'A frame MUST go to the connection of its own wire')
      }
    },
  },
  {
    name: 'a peer that is refused gets the reason, nothing else, and is not to come back',
    async run(trial) {
      const server = await startWith(trial, () => {
        throw new RookeryError('unauthenticated', 'Say who you are')
      })
      const peer = await server.connect()
      const close = await peer.endedWith(
        'unauthenticated',
        'A wire that is closed at the handshake MUST close',
      )
      expect(close, 'A refusal MUST arrive as it was written').toMatchObject({
        error: { code: 'unauthenticated', message: 'Say who you are' },
        reconnectAfter: null,
      })
      expect(peer.frames, 'A peer that is refused MUST get nothing but the reason').toEqual([close])
      await server.untilLeft(0, 'A peer that is refused MUST leave nothing behind')
    },
  },
  {
    name: 'a peer that is refused for a reason that passes is told when to come back',
    capability: 'passingRefusal',
    async run(trial) {
      const server = await startWith(trial, () => {
        throw new RookeryError('rate_limited')
      })
      const peer = await server.connect()
      const close = await peer.endedWith('rate_limited', 'A wire that is closed at the handshake MUST close')
      expect(close.reconnectAfter, 'The close frame MUST arrive as it was written').toEqual(
        expect.any(Number),
      )
    },
  },
  {
    name: 'a handshake that takes too long ends the connection, and what comes of it later changes nothing',
    async run(trial) {
      let answer = () => {}
      const late = new Promise<null>((resolve) => {
        answer = () => resolve(null)
      })
      const wait: AuthenticateHook = ({ query }) => (query.has('wait') ? late : null)
      const server = await startWith(trial, wait, { handshakeTimeout: trial.timeout / 16 })
      const peer = await server.connect({ params: { wait: '1' } })
      const demand = 'A wire that is closed at the handshake MUST close'
      if (trial.has('passingRefusal')) await peer.endedWith('handshake_timeout', demand)
      else await peer.ended(demand)
      answer()
      const other = await server.join()
      await other.call('echo')
      expect(peer.frames.filter(({ type }) => type !== 'close')).toEqual([])
      await server.untilLeft(1, 'A peer that is refused MUST leave nothing behind')
    },
  },
]
