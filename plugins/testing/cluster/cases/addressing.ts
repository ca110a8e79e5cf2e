import { expect } from 'vitest'
import { RookeryError } from '../../../../core/protocol/errors.ts'
import { rejectionCode } from '../../rejection-code.ts'
import type { ClusterCase } from '../cluster-case.ts'

/** An error code of the application, which the framework does not know. */
const APPLICATION_CODE = 'maintenance'

const REACHED = 'A question to an address MUST reach all nodes with sessions there'

/** Ids with characters that addresses, paths and subjects treat specially. */
const IDS = [
  'a b',
  'a.b',
  'a/b',
  '/',
  '*',
  '>',
  '.',
  '..',
  '%',
  '%2F',
  '%252F',
  '$user',
  '\\',
  '"',
  'tab\t',
  'line\nbreak',
  'Grüße',
  '漢字',
  '😀',
  'A',
  'a',
  '__proto__',
]

export const addressing: readonly ClusterCase[] = [
  {
    name: 'a message to a user reaches all sessions of the user on all nodes, and send resolves with their number',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      const away = await b.openAs('ada')
      await context.settle(a, b, c)
      expect((await a.app.send({ user: 'ada' }, 'inbox', 1)).sessions, REACHED).toBe(1)
      const [more, third, here] = [await b.openAs('ada'), await c.openAs('ada'), await a.openAs('ada')]
      const other = await c.openAs('bob')
      await context.settle(a, b, c)
      for (const [index, { app }] of [a, b, c].entries()) {
        expect((await app.send({ user: 'ada' }, 'inbox', 2 + index)).sessions, REACHED).toBe(4)
      }
      for (const [peer, due] of [
        [away, [1, 2, 3, 4]],
        [more, [2, 3, 4]],
        [third, [2, 3, 4]],
        [here, [2, 3, 4]],
      ] as const) {
        await context.until(() =>
          expect(peer.received('inbox'), 'A message to a user MUST arrive once').toEqual(due),
        )
      }
      expect(other.received(), 'A message to a user MUST reach no other user').toEqual([])
    },
  },
  {
    name: 'a message to a session or a room reaches its sessions on all nodes',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      const [one, two, three] = [await b.open(), await b.open(), await c.open()]
      for (const [{ app }, { session }] of [
        [b, one],
        [b, two],
        [c, three],
      ] as const) {
        app.sessions.enterRoom(session, 'lobby')
      }
      await context.settle(a, b, c)
      expect((await a.app.send({ session: two.session.id }, 'hint', 'psst')).sessions, REACHED).toBe(1)
      expect((await a.app.send({ room: 'lobby' }, 'call', 'dinner')).sessions, REACHED).toBe(3)
      b.app.sessions.exitRoom(two.session, 'lobby')
      await context.settle(a, b, c)
      expect((await a.app.send({ room: 'lobby' }, 'call', 'tea')).sessions, REACHED).toBe(2)
      await context.until(() => expect(one.received(), REACHED).toEqual(['dinner', 'tea']))
      await context.until(() => expect(two.received(), REACHED).toEqual(['psst', 'dinner']))
      await context.until(() => expect(three.received(), REACHED).toEqual(['dinner', 'tea']))
    },
  },
  {
    name: 'a message to a target without sessions is rejected at once with not_connected',
    async run(context) {
      const [a, b] = await context.startPair()
      const gone = await b.openAs('ada')
      await context.settle(a, b)
      gone.session.disconnected()
      await context.settle(a, b)
      const targets = [{ user: 'ada' }, { user: 'nobody' }, { room: 'void' }, { session: gone.session.id }]
      let fastest = Number.POSITIVE_INFINITY
      for (const target of targets) {
        const start = performance.now()
        const sent = context.within(
          a.app.send(target, 'inbox', 1),
          'A message to a target without sessions MUST be rejected',
        )
        expect(await rejectionCode(sent), 'A message to a target without sessions MUST be rejected').toBe(
          'not_connected',
        )
        // The node of a session exists, and may be asked. Nobody has the other addresses.
        if (!('session' in target)) fastest = Math.min(fastest, performance.now() - start)
      }
      expect(fastest, 'A question without recipients MUST be answered at once (milliseconds)').toBeLessThan(
        700,
      )
    },
  },
  {
    name: 'ids of users and rooms may have any characters',
    async run(context) {
      const [a, b] = await context.startPair()
      const peers = new Map<string, Awaited<ReturnType<typeof b.openAs>>>()
      for (const id of IDS) {
        const peer = await b.openAs(id)
        b.app.sessions.enterRoom(peer.session, id)
        peers.set(id, peer)
      }
      await context.settle(a, b)
      for (const [id, peer] of peers) {
        for (const target of [{ user: id }, { room: id }]) {
          const counted = a.app.send(target, 'inbox', id).then(({ sessions }) => sessions)
          expect(await counted.catch(({ code }) => code), `${REACHED}: ${JSON.stringify(id)}`).toBe(1)
        }
        await context.until(() => expect(peer.received(), REACHED).toEqual([id, id]))
      }
    },
  },
  {
    name: 'disconnect closes the sessions of a target on all nodes with the error, and resolves with their number',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      const peers = [
        await a.openAs('eve'),
        await b.openAs('eve'),
        await b.openAs('eve'),
        await c.openAs('eve'),
      ]
      const other = await c.openAs('ada')
      await context.settle(a, b, c)
      const error = new RookeryError('forbidden', 'Out with you')
      expect(await a.app.sessions.disconnect({ user: 'eve' }, error), REACHED).toBe(peers.length)
      for (const peer of peers) {
        await context.until(() =>
          expect(peer.closeCode, 'The error MUST reach the sessions').toBe('forbidden'),
        )
        expect(peer.frames.at(-1), 'The error MUST reach the sessions unchanged').toMatchObject({
          error: { code: 'forbidden', message: 'Out with you' },
        })
      }
      expect(other.session.closed, 'Other sessions MUST stay open').toBe(false)
      const [first, second] = [await a.openAs('bob'), await b.openAs('bob')]
      await context.settle(a, b)
      const pause = new RookeryError(APPLICATION_CODE, 'Back soon', {
        data: { minutes: 2 },
        reconnectAfter: 120_000,
      })
      await a.app.sessions.disconnect({ user: 'bob' }, pause)
      for (const peer of [first, second]) {
        await context.until(() =>
          expect(peer.frames.at(-1), 'The error MUST reach the sessions unchanged').toMatchObject({
            error: { code: APPLICATION_CODE, data: { minutes: 2 }, retryable: true },
            reconnectAfter: 120_000,
          }),
        )
      }
      expect(await a.app.sessions.disconnect({ user: 'eve' }), 'The sessions of the user MUST be gone').toBe(
        0,
      )
    },
  },
  {
    name: 'a message that is sent after another send has resolved arrives later',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      const peer = await c.openAs('ada')
      await context.settle(a, b, c)
      const sent = Array.from({ length: 60 }, (_, index) => index)
      for (const n of sent) await (n % 2 ? a : b).app.send({ user: 'ada' }, 'inbox', n)
      await context.until(() =>
        expect(peer.received(), 'A send MUST resolve after the sessions have taken the message').toEqual(
          sent,
        ),
      )
    },
  },
]
