import { createApp } from 'rookery'
import { createClient } from 'rookery/client'
import { defineContract } from 'rookery/contract'
import { HttpServer, http } from 'rookery/http'
import { websocket } from 'rookery/websocket'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'

const Message = z.object({ id: z.string(), text: z.string() })
const contract = defineContract({
  topics: {
    'rooms/:room/messages': Message,
    'rooms/:room/typing': z.object({ user: z.string() }),
    clock: z.codec(z.iso.datetime(), z.date(), {
      decode: (text) => new Date(text),
      encode: (date) => date.toISOString(),
    }),
  },
  calls: {
    'chat/send': {
      input: z.object({ room: z.string(), text: z.string().max(500).default('hello') }),
      output: z.object({ id: z.string() }),
      errors: { too_fast: z.object({ waitMs: z.number() }) },
    },
    'orders/:id/cancel': { output: z.boolean() },
  },
})

it('works', async () => {
  const app = createApp({
    contract,
    plugins: [http({ port: 0, hostname: '127.0.0.1' }), websocket()],
    logger: 'silent',
    allowAnonymous: true,
  })
  app.handle('chat/send', async (ctx, { room, text }) => {
    if (text === 'fast') throw ctx.error('too_fast', { waitMs: 5 })
    await ctx.publish(`rooms/${room}/messages`, { id: '1', text })
    return { id: '1' }
  })
  app.handle('orders/:id/cancel', (ctx) => ctx.params.id === '7')
  await app.start()
  onTestFinished(() => app.stop())
  const { url } = app.scope.get(HttpServer)
  const client = createClient<typeof contract>({ url, WebSocket })
  onTestFinished(() => client.close())
  const heard: unknown[] = []
  await client.subscribe('rooms/:room/messages', (message, { params }) =>
    heard.push([params.room, message.text]),
  ).ready
  const { id } = await client.call('chat/send', { room: '42' })
  expect(id).toBe('1')
  expect(heard).toEqual([['42', 'hello']])
  const error = await client.call('chat/send', { room: '42', text: 'fast' }).catch((error: unknown) => error)
  expect(client.isError(error, 'too_fast') && error.data.waitMs).toBe(5)
  expect(await client.call('orders/7/cancel')).toBe(true)
  await expect(app.publish('rooms/1/messages', { id: 1 } as never)).rejects.toMatchObject({
    code: 'invalid_payload',
  })
  const parsing = createClient({ url, contract, WebSocket })
  onTestFinished(() => parsing.close())
  const times: Date[] = []
  await parsing.subscribe('clock', (time) => times.push(time)).ready
  await app.publish('clock', '2026-01-01T00:00:00Z')
  await expect.poll(() => times.length).toBe(1)
  expect(times[0]).toBeInstanceOf(Date)
})
