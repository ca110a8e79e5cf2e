import { Auth, auth } from 'rookery/auth'
import { describe, expect, it } from 'vitest'
import {
  closedWith,
  connectBy,
  startThree,
  TRANSPORTS,
  until,
  welcomeBy,
} from '../support/three-transports.ts'
import { makeToken, SECRET } from './auth-support.ts'

const LONE = ['\ud800', 'a\udfffb', '\udc00\ud800']

describe.each(TRANSPORTS)('a user id with a lone surrogate, over %s,', (transport) => {
  it('is refused and the connection closed, if an authenticate hook returns it', async () => {
    let id = ''
    const { app, url } = await startThree({
      prepare: (app) => app.sessions.onAuthenticate(() => ({ id, name: 'Ada' })),
    })
    for (id of LONE) await closedWith(await connectBy(transport, url))
    expect(app.usage.sessions).toBe(0)
    id = 'ada'
    await welcomeBy(transport, url)
    expect(app.usage.sessions).toBe(1)
  })

  it('is refused and the connection closed, if authenticate of auth() returns it', async () => {
    let id = ''
    const { app, url } = await startThree({
      plugins: [auth({ authenticate: () => ({ id, name: 'Ada' }) })],
    })
    for (id of LONE) expect(await closedWith(await connectBy(transport, url))).toBe('forbidden')
    expect(app.usage.sessions).toBe(0)
  })

  it('does not matter in the name, which clients get as it is', async () => {
    const { url } = await startThree({
      prepare: (app) => app.sessions.onAuthenticate(() => ({ id: 'ada', name: '\ud800' })),
    })
    const peer = await welcomeBy(transport, url)
    expect(await until(peer, ({ type }) => type === 'welcome')).toMatchObject({ user: { name: '\ud800' } })
  })
})

describe('a user id with a lone surrogate', () => {
  it('is refused in tokens, by verify and by revoke', async () => {
    const { app } = await startThree({
      plugins: [auth({ jwt: { secret: SECRET }, user: ({ sub }) => ({ id: `\ud800${sub}`, name: 'Ada' }) })],
    })
    const tokens = app.scope.get(Auth)
    await expect(tokens.verify(await makeToken())).rejects.toMatchObject({ code: 'forbidden' })
    await expect(tokens.revoke({ user: '\ud800' })).rejects.toMatchObject({ code: 'invalid_option' })
  })
})
