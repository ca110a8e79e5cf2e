import { createApp } from 'rookery'
import { Auth, type AuthOptions, auth } from 'rookery/auth'
import { defineContract } from 'rookery/contract'
import { connect } from 'rookery/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { makeToken, now, SECRET } from '../unit/auth/support.ts'

// The schema makes a new object of each user. auth() has to find the token of its session in any case.
const contract = defineContract({
  user: z.object({ id: z.string(), name: z.string(), role: z.string().default('guest') }),
  calls: { 'a/read': {}, 'a/write': {} },
})

const start = (options: Partial<AuthOptions> = {}) => {
  const app = createApp({
    contract,
    logger: 'silent',
    plugins: [auth({ jwt: { secret: SECRET }, grace: 0, ...options })],
  })
  onTestFinished(() => app.stop())
  app.handle('a/read', () => {})
  app.handle('a/write', () => {})
  return app
}

describe('auth() in an app whose contract describes users', () => {
  it('limits a session to the permissions of its token', async () => {
    const app = start()
    const client = await connect(app, { token: await makeToken({ rookery: { send: ['a/read'] } }) })
    expect(client.user).toMatchObject({ id: 'ada', role: 'guest' })
    await client.call('a/read')
    await expect(client.call('a/write')).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('gives rules the claims of the token', async () => {
    const app = start({ rules: { send: { 'a/*': ({ claims }) => claims?.scope === 'all' } } })
    const [some, all] = [await makeToken({ scope: 'some' }), await makeToken({ scope: 'all' })]
    await (await connect(app, { token: all })).call('a/write')
    const limited = await connect(app, { token: some })
    await expect(limited.call('a/write')).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('closes a session when its token expires or is revoked', async () => {
    const app = start()
    const code = async (token: string) => {
      const client = await connect(app, { token })
      return new Promise((resolve) => client.on('close', ({ error }) => resolve(error.code)))
    }
    const expired = code(await makeToken({ sub: 'eve', exp: now() + 3 }))
    const revoked = code(await makeToken({ sub: 'bob' }))
    await expect.poll(() => app.sessions.size).toBe(2)
    await app.scope.get(Auth).revoke({ user: 'bob' })
    expect([await expired, await revoked]).toEqual(['token_expired', 'token_revoked'])
  })

  it('takes a new token of the session', async () => {
    const app = start()
    let token = await makeToken({ exp: now() + 4, rookery: { send: ['a/read'] } })
    const client = await connect(app, { token: () => token })
    const { session } = client
    await expect(client.call('a/write')).rejects.toMatchObject({ code: 'forbidden' })
    token = await makeToken()
    await expect
      .poll(() => client.call('a/write').catch((error) => error.code), { timeout: 10_000 })
      .toBeUndefined()
    expect(client.session).toBe(session)
  })
})

it('a new token whose user the contract refuses leaves the session with its earlier token', async () => {
  const user = ({ sub, role }: { sub?: string; role?: unknown }) => ({ id: `${sub}`, name: 'Ada', role })
  const app = start({ user })
  let token = await makeToken({ role: 'staff', exp: now() + 5 })
  const client = await connect(app, { token: () => token })
  const closed = new Promise((resolve) => client.on('close', ({ error }) => resolve(error.code)))
  token = await makeToken({ role: 7 })
  expect([await closed, client.user]).toEqual(['token_expired', null])
})
