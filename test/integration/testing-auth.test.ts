import { createApp } from 'rookery'
import { Auth, type AuthOptions, auth, type Rules } from 'rookery/auth'
import { rooms } from 'rookery/rooms'
import { connect, request } from 'rookery/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeToken, SECRET } from '../unit/auth/support.ts'

const ada = { id: 'u1', name: 'Ada', role: 'staff' }
const bob = { id: 'u2', name: 'Bob', role: 'guest' }

const createShop = (options: Partial<AuthOptions> = {}) => {
  const identity = options.authenticate ? {} : { jwt: { secret: SECRET } }
  const rules: Rules<string, string, string> = {
    subscribe: { 'users/:id/*': ({ user, params }) => params.id === user?.id, 'news/*': true },
    send: { 'orders/*': ({ user }) => user?.role === 'staff', 'users/*': true },
    join: { staff: ({ user }) => user?.role === 'staff' },
  }
  const app = createApp({
    logger: 'silent',
    publicUserFields: ['role'],
    plugins: [rooms(), auth({ ...identity, rules, ...options })],
  })
  onTestFinished(() => app.stop())
  app.handle('orders/cancel', (ctx) => ({ by: ctx.user.name }))
  app.handle('users/claims', (ctx) => app.scope.get(Auth).claims(ctx.session)?.sub ?? null)
  return app
}

describe('connect() to an app with auth()', () => {
  it('opens a session of the given user without a token', async () => {
    const app = createShop()
    const client = await connect(app, { user: ada })
    expect(client.user).toEqual(ada)
    expect(await client.call('orders/cancel')).toEqual({ by: 'Ada' })
    expect(await client.call('users/claims')).toBeNull()
  })

  it('applies the rules to the given user', async () => {
    const app = createShop()
    const client = await connect(app, { user: bob })
    await expect(client.call('orders/cancel')).rejects.toMatchObject({ code: 'forbidden' })
    await expect(client.messages('users/u1/inbox')).rejects.toMatchObject({ code: 'forbidden' })
    await expect(client.messages('users/*')).rejects.toMatchObject({ code: 'forbidden' })
    await expect(client.join('staff').ready).rejects.toMatchObject({ code: 'forbidden' })
    const inbox = await client.messages('users/u2/inbox')
    await app.publish('users/u2/inbox', { unread: 1 })
    expect((await inbox.next()).payload).toEqual({ unread: 1 })
  })

  it('refuses a client without a user and without a token', async () => {
    await expect(connect(createShop())).rejects.toMatchObject({ code: 'unauthenticated' })
    await expect(request(createShop(), 'users/claims')).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  it('opens an anonymous session where a user is not required', async () => {
    const client = await connect(createShop({ required: false }))
    expect(client.user).toBeNull()
    await expect(client.call('orders/cancel')).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('takes a token the usual way', async () => {
    const token = await makeToken({ sub: 'u7', name: 'Eve' })
    const app = createShop()
    const client = await connect(app, { token: () => token })
    expect(client.user).toMatchObject({ id: 'u7', name: 'Eve' })
    expect(await client.call('users/claims')).toBe('u7')
    await expect(connect(app, { token: 'no token' })).rejects.toMatchObject({ code: 'invalid_token' })
  })

  it('does not ask authenticate() for the given user', async () => {
    const authenticate = () => {
      throw new Error('asked')
    }
    expect(await request(createShop({ authenticate }), 'orders/cancel', null, { user: ada })).toEqual({
      by: 'Ada',
    })
  })

  it('keeps the user after a reconnect', async () => {
    const app = createShop()
    const client = await connect(app, { user: ada })
    client.dropConnection()
    client.connect()
    await client.ready()
    expect(client.user).toEqual(ada)
    expect(await client.call('orders/cancel')).toEqual({ by: 'Ada' })
  })

  it('closes the sessions of a given user whose tokens are revoked, and no others', async () => {
    const app = createShop()
    const clients = [await connect(app, { user: ada }), await connect(app, { user: ada })]
    const other = await connect(app, { user: bob })
    const codes = clients.map(
      (client) => new Promise((resolve) => client.on('close', ({ error }) => resolve(error.code))),
    )
    await app.scope.get(Auth).revoke({ user: 'u1' })
    expect(await Promise.all(codes)).toEqual(['token_revoked', 'token_revoked'])
    expect(other.state).toBe('open')
  })
})
