import { expect } from 'vitest'
import { RookeryError } from '../../../core/protocol/errors.ts'
import type { ClusterCase } from '../cluster-trial.ts'
import { codeOf } from '../code-of.ts'

const REACHED = 'A question to an address MUST reach all nodes that have sessions there'

/** Ids that addresses have to carry whole. */
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
    name: 'a message to a user reaches all sessions of the user, on whichever nodes, and counts them',
    async run(trial) {
      const [a, b, c] = await trial.trio()
      const away = await b.openAs('ada')
      await trial.settle(a, b, c)
      expect(await a.app.send({ user: 'ada' }, 'inbox', 1), REACHED).toBe(1)
      const [more, third, here] = [await b.openAs('ada'), await c.openAs('ada'), await a.openAs('ada')]
      const other = await c.openAs('bob')
      await trial.settle(a, b, c)
      for (const [index, { app }] of [a, b, c].entries()) {
        expect(await app.send({ user: 'ada' }, 'inbox', 2 + index), REACHED).toBe(4)
      }
      for (const [peer, due] of [
        [away, [1, 2, 3, 4]],
        [more, [2, 3, 4]],
        [third, [2, 3, 4]],
        [here, [2, 3, 4]],
      ] as const) {
        await trial.until(() =>
          expect(peer.got('inbox'), 'A message to a user MUST arrive once').toEqual(due),
        )
      }
      expect(other.got(), 'A message to a user is for no other').toEqual([])
    },
  },
  {
    name: 'a message to a session or a room arrives on whichever nodes they are',
    async run(trial) {
      const [a, b, c] = await trial.trio()
      const [one, two, three] = [await b.open(), await b.open(), await c.open()]
      for (const [{ app }, { session }] of [
        [b, one],
        [b, two],
        [c, three],
      ] as const) {
        app.sessions.enterRoom(session, 'lobby')
      }
      await trial.settle(a, b, c)
      expect(await a.app.send({ session: two.session.id }, 'hint', 'psst'), REACHED).toBe(1)
      expect(await a.app.send({ room: 'lobby' }, 'call', 'dinner'), REACHED).toBe(3)
      b.app.sessions.exitRoom(two.session, 'lobby')
      await trial.settle(a, b, c)
      expect(await a.app.send({ room: 'lobby' }, 'call', 'tea'), REACHED).toBe(2)
      await trial.until(() => expect(one.got(), REACHED).toEqual(['dinner', 'tea']))
      await trial.until(() => expect(two.got(), REACHED).toEqual(['psst', 'dinner']))
      await trial.until(() => expect(three.got(), REACHED).toEqual(['dinner', 'tea']))
    },
  },
  {
    name: 'a message to nobody is refused, at once',
    async run(trial) {
      const [a, b] = await trial.pair()
      const gone = await b.openAs('ada')
      await trial.settle(a, b)
      gone.session.disconnected()
      await trial.settle(a, b)
      const targets = [{ user: 'ada' }, { user: 'nobody' }, { room: 'void' }, { session: gone.session.id }]
      let fastest = Number.POSITIVE_INFINITY
      for (const target of targets) {
        const start = performance.now()
        const sent = trial.within(a.app.send(target, 'inbox', 1), 'A message to nobody MUST be refused')
        expect(await codeOf(sent), 'A message to nobody MUST be refused').toBe('not_connected')
        fastest = Math.min(fastest, performance.now() - start)
      }
      expect(fastest, 'What nobody is asked is answered at once: milliseconds').toBeLessThan(700)
    },
  },
  {
    name: 'ids may have any characters',
    async run(trial) {
      const [a, b] = await trial.pair()
      const peers = new Map<string, Awaited<ReturnType<typeof b.openAs>>>()
      for (const id of IDS) {
        const peer = await b.openAs(id)
        b.app.sessions.enterRoom(peer.session, id)
        peers.set(id, peer)
      }
      await trial.settle(a, b)
      for (const [id, peer] of peers) {
        for (const target of [{ user: id }, { room: id }]) {
          const counted = a.app.send(target, 'inbox', id).catch(({ code }) => code)
          expect(await counted, `${REACHED}: ${JSON.stringify(id)}`).toBe(1)
        }
        await trial.until(() => expect(peer.got(), REACHED).toEqual([id, id]))
      }
    },
  },
  {
    name: 'all sessions of a target are closed on every node, with the error, and counted',
    async run(trial) {
      const [a, b, c] = await trial.trio()
      const peers = [
        await a.openAs('eve'),
        await b.openAs('eve'),
        await b.openAs('eve'),
        await c.openAs('eve'),
      ]
      const other = await c.openAs('ada')
      await trial.settle(a, b, c)
      const error = new RookeryError('forbidden', 'Out with you')
      expect(await a.app.sessions.disconnect({ user: 'eve' }, error), REACHED).toBe(peers.length)
      for (const peer of peers) {
        await trial.until(() => expect(peer.endedWith, 'The error MUST reach the sessions').toBe('forbidden'))
        expect(peer.frames.at(-1), 'The error MUST reach the sessions whole').toMatchObject({
          error: { code: 'forbidden', message: 'Out with you' },
        })
      }
      expect(other.session.closed, 'No other session is closed').toBe(false)
      expect(await a.app.sessions.disconnect({ user: 'eve' }), 'Nobody is left').toBe(0)
    },
  },
  {
    name: 'what is sent after a send has resolved arrives after it',
    async run(trial) {
      const [a, b, c] = await trial.trio()
      const peer = await c.openAs('ada')
      await trial.settle(a, b, c)
      const sent = Array.from({ length: 60 }, (_, index) => index)
      for (const n of sent) await (n % 2 ? a : b).app.send({ user: 'ada' }, 'inbox', n)
      await trial.until(() => expect(peer.got(), 'A send resolves when the sessions took it').toEqual(sent))
    },
  },
]
