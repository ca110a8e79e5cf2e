import type { ServerFrame, User } from 'rookery'
import { defineContract } from 'rookery/contract'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { verifies } from '../requirements.ts'
import { ask, closedWith, connectBy, startThree, TRANSPORTS, welcomeBy } from '../support/three-transports.ts'
import { connect, makeToken, startAuth } from './auth-support.ts'

const contract = defineContract({
  user: z.object({
    id: z.string(),
    name: z.string().transform((name) => name.toUpperCase()),
    role: z.enum(['guest', 'staff']).default('guest'),
    profile: z.object({ nick: z.string() }).optional(),
  }),
})

const start = (user: object | null, more: object = {}) =>
  startThree({
    contract,
    ...more,
    prepare: (app) => {
      app.sessions.onAuthenticate(() => user as User | null)
      app.handle('whoami', ({ session }) => session.user)
    },
  })

describe.each(TRANSPORTS)('the user of a contract, over %s,', (transport) => {
  const welcomed = async (url: string) => {
    const peer = await welcomeBy(transport, url)
    const { user } = peer.frames[0] as Extract<ServerFrame, { type: 'welcome' }>
    return { peer, user }
  }

  it('is what the schema returns, for the client; the server has the other fields, too', async () => {
    verifies('protocol.server-frame.contract-user')
    const row = { id: '1', name: 'ada', hash: 'secret', profile: { nick: 'a', hash: 'secret' } }
    const { url } = await start(row)
    const { peer, user } = await welcomed(url)
    expect(user).toEqual({ id: '1', name: 'ADA', role: 'guest', profile: { nick: 'a' } })
    expect(await ask(peer, { topic: 'whoami' })).toEqual({ ...user, hash: 'secret' })
  })

  it('may be absent', async () => {
    const { url } = await start(null)
    const { peer, user } = await welcomed(url)
    expect(user).toBeNull()
    expect(await ask(peer, { topic: 'whoami' })).toBeNull()
  })

  it('that does not fit is refused: the log says why, the client does not learn it', async () => {
    const { app, url, lines } = await start({ id: '1', name: 'ada', role: 'root' })
    const peer = await connectBy(transport, url)
    await closedWith(peer)
    expect(JSON.stringify(peer.frames)).not.toMatch(/role|staff/)
    expect(app.sessions.size).toBe(0)
    const [error] = lines.filter(({ level }) => level === 'error')
    expect(error).toMatchObject({ stage: 'handshake' })
    expect((error as unknown as { err: Error }).err.message).toMatch(
      /user '1' does not fit the contract: .*role/,
    )
  })
})

describe('the user of a contract', () => {
  it('cannot get another id, and is refused if JSON cannot hold it', async () => {
    const renamed = defineContract({ user: z.object({ id: z.string().transform(() => 'root') }) })
    const { url } = await start({ id: '1', name: 'ada' }, { contract: renamed })
    const peer = await welcomeBy('websocket', url)
    expect(peer.frames[0]).toMatchObject({ user: { id: '1', name: 'ada' } })
    expect(await ask(peer, { topic: 'whoami' })).toEqual({ id: '1', name: 'ada' })

    const big = defineContract({ user: z.object({ points: z.number().transform(BigInt) }) })
    const second = await start({ id: '1', name: 'ada', points: 5 }, { contract: big })
    expect(await closedWith(await connectBy('websocket', second.url))).toBe('internal')
  })

  it('is checked again when the token is renewed, and stays as it was if the new one does not fit', async () => {
    const { url } = await startAuth(
      { user: ({ sub, role }) => ({ id: String(sub), name: String(sub), role }) as User },
      { contract },
    )
    const client = await connect(url, await makeToken({ sub: 'ada', role: 'guest' }))
    const user = async () => (await client.ask({ topic: 'whoami' })).payload
    const renew = async (role: string) =>
      await client.ask({ type: 'auth', token: await makeToken({ sub: 'ada', role }) })
    expect(await user()).toMatchObject({ name: 'ADA', role: 'guest' })
    await renew('staff')
    expect(await user()).toMatchObject({ name: 'ADA', role: 'staff' })
    expect((await renew('root')).error).toMatchObject({ code: 'internal' })
    expect(await user()).toMatchObject({ name: 'ADA', role: 'staff' })
  })

  it('may have an asynchronous schema', async () => {
    const slow = defineContract({ user: z.object({ id: z.string().refine(async (id) => id !== '2') }) })
    const { url } = await start({ id: '1', name: 'ada' }, { contract: slow })
    expect((await welcomeBy('sse', url)).frames[0]).toMatchObject({ user: { id: '1', name: 'ada' } })
  })
})
