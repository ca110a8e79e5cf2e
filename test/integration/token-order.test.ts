import type { User } from 'rookery'
import { describe, expect, it } from 'vitest'
import { verifies } from '../requirements.ts'
import { startThree, TRANSPORTS, until, welcomeBy } from '../support/three-transports.ts'

describe.each(TRANSPORTS)('frames after a new token, over %s,', (transport) => {
  it('are handled with the rights of the new token, in order, however long it is verified', async () => {
    verifies('delivery.subscriptions.after-auth')
    let verified = () => {}
    const verifying = new Promise<void>((resolve) => {
      verified = resolve
    })
    const { url } = await startThree({
      prepare: (app) => {
        const user = (role: string): User => ({ id: 'ada', name: 'Ada', role })
        app.sessions.onAuthenticate(() => user('guest'))
        app.sessions.onToken(async (session, token) => {
          await verifying
          await session.renew(user(token))
          return { role: token }
        })
        app.sessions.addAuthorizer({
          authorize: ({ user }, _action, topic) => topic !== 'staff' || user?.role === 'staff',
          authorizePattern: () => true,
        })
        app.handle('staff', (ctx) => ctx.user.role)
      },
    })
    const peer = await welcomeBy(transport, url)
    const sent = [
      { type: 'auth', token: 'staff', id: 1 },
      { type: 'subscribe', topics: ['staff'], id: 2 },
      { topic: 'staff', id: 3 },
      { type: 'auth', token: 'guest', id: 4 },
      { topic: 'staff', id: 5 },
    ].map((frame) => peer.send(frame as never))
    verified()
    await Promise.all(sent)
    await until(peer, (frame) => frame.type === 'reply' && frame.id === 5)
    expect(peer.frames.filter(({ type }) => type === 'reply')).toMatchObject([
      { id: 1, payload: { role: 'staff' } },
      { id: 2, payload: { topics: ['staff'] } },
      { id: 3, payload: 'staff' },
      { id: 4, payload: { role: 'guest' } },
      { id: 5, error: { code: 'forbidden' } },
    ])
  })
})
