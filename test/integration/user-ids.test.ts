import { describe, expect, it } from 'vitest'
import { closedWith, connectBy, startThree, TRANSPORTS, welcomeBy } from '../support/three-transports.ts'

/** Ids that no user may have. The longest valid id has 255 bytes. */
const BAD_IDS = ['x'.repeat(4200), 'x'.repeat(256), '漢'.repeat(86), '@'.repeat(900), '\ud800', 'a\udc00']

const LONGEST_IDS = ['x'.repeat(255), '漢'.repeat(85), '@'.repeat(255)]

describe.each(TRANSPORTS)('a user, over %s,', (transport) => {
  const start = async () => {
    const ids = [...BAD_IDS, ...LONGEST_IDS]
    return await startThree({
      prepare: (app) => {
        app.sessions.onAuthenticate(({ query }) => {
          const id = ids[Number(query.get('n'))] ?? ''
          return { id, name: 'x' }
        })
      },
    })
  }

  it('whose id has more than 255 bytes or is not Unicode is refused with forbidden, and closed', async () => {
    const { app, url } = await start()
    for (const index of BAD_IDS.keys()) {
      const peer = await connectBy(transport, url, { n: String(index) })
      expect(await closedWith(peer)).toBe('forbidden')
    }
    expect(app.sessions.size).toBe(0)
  })

  it('with an id of 255 bytes is welcomed, and gets messages', async () => {
    const { app, url } = await start()
    for (const [index, id] of LONGEST_IDS.entries()) {
      await welcomeBy(transport, url, { n: String(BAD_IDS.length + index) })
      expect(await app.send({ user: id }, 'inbox', 1)).toMatchObject({ sessions: 1 })
    }
  })
})

describe('a target', () => {
  it('whose id has more than 255 bytes or is not Unicode is an invalid_option', async () => {
    const { app } = await startThree()
    for (const id of BAD_IDS) {
      for (const target of [{ user: id }, { room: id }, { session: id }]) {
        await expect(app.send(target, 'x', 1)).rejects.toMatchObject({ code: 'invalid_option' })
        await expect(app.sessions.disconnect(target)).rejects.toMatchObject({ code: 'invalid_option' })
      }
    }
  })
})
