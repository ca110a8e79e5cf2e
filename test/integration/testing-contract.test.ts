import { createApp } from 'rookery'
import { auth } from 'rookery/auth'
import { defineContract } from 'rookery/contract'
import { rooms } from 'rookery/rooms'
import { connect, request } from 'rookery/testing'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { SECRET } from '../unit/auth/support.ts'

const contract = defineContract({
  user: z.object({ id: z.string(), name: z.string(), role: z.enum(['guest', 'staff']).default('guest') }),
  topics: {
    'rooms/:room/messages': z.object({ from: z.string(), text: z.string() }),
    clock: z.codec(z.iso.datetime(), z.date(), {
      decode: (text) => new Date(text),
      encode: (date) => date.toISOString(),
    }),
  },
  calls: {
    'chat/send': {
      input: z.object({ room: z.string(), text: z.string().min(1) }),
      output: z.object({ id: z.string() }),
      errors: { too_fast: z.object({ waitMs: z.number() }) },
    },
    'chat/clear': {},
  },
})

const ada = { id: 'u1', name: 'Ada', role: 'staff' } as const

const createChat = () => {
  const app = createApp({
    contract,
    logger: 'silent',
    plugins: [
      rooms(),
      auth({
        jwt: { secret: SECRET },
        rules: { send: { 'chat/clear': ({ user }) => user?.role === 'staff', 'chat/send': true } },
      }),
    ],
  })
  onTestFinished(() => app.stop())
  app.handle('chat/send', async (ctx, { room, text }) => {
    if (text === 'again') throw ctx.error('too_fast', { waitMs: 500 })
    await ctx.publish(`rooms/${room}/messages`, { from: ctx.user.name, text })
    return { id: 'm1' }
  })
  app.handle('chat/clear', () => {})
  return app
}

it('a client of an app with a contract has its topics, calls, errors and users', async () => {
  const app = createChat()
  const client = await connect(app, { user: ada })
  const inbox = await client.messages('rooms/:room/messages')
  expect(await client.call('chat/send', { room: '42', text: 'hi' })).toEqual({ id: 'm1' })
  const { payload, params } = await inbox.next()
  expect([params.room, payload.from, payload.text]).toEqual(['42', 'Ada', 'hi'])
  const error = await client.call('chat/send', { room: '42', text: 'again' }).catch((error: unknown) => error)
  expect(client.isError(error, 'too_fast') && error.data.waitMs).toBe(500)
  await expect(client.call('chat/send', { room: '42', text: '' })).rejects.toMatchObject({
    code: 'invalid_payload',
  })
})

it('the schema of the contract checks the given user, and rules decide by what it returns', async () => {
  const app = createChat()
  const guest = await connect(app, { user: { id: 'u2', name: 'Bob' } })
  expect(guest.user).toEqual({ id: 'u2', name: 'Bob', role: 'guest' })
  await expect(guest.call('chat/clear')).rejects.toMatchObject({ code: 'forbidden' })
  expect(await request(app, 'chat/clear', undefined, { user: ada })).toBeUndefined()
  await expect(connect(app, { user: { ...ada, role: 'boss' } as never })).rejects.toMatchObject({
    code: 'internal',
  })
})

it('a client with the contract gets what its schemas return', async () => {
  const app = createChat()
  const client = await connect(app, { user: ada, contract })
  const inbox = await client.messages('clock')
  await app.publish('clock', '2026-01-01T00:00:00Z')
  expect((await inbox.next()).payload).toEqual(new Date('2026-01-01T00:00:00Z'))
})
