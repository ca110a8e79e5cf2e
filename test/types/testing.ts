import { createApp, type User } from 'rookery'
import { defineContract } from 'rookery/contract'
import { connect, type Inbox, request, type TestClient } from 'rookery/testing'
import { z } from 'zod'
import { holds, type Same } from './support.ts'

const Message = z.object({ from: z.string(), text: z.string() })
const clock = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
})
const contract = defineContract({
  user: z.object({ id: z.string(), name: z.string(), role: z.enum(['guest', 'staff']) }),
  topics: { 'rooms/:room/messages': Message, 'rooms/:room/typing': z.object({ who: z.string() }), clock },
  calls: {
    'chat/send': {
      input: z.object({ room: z.string(), text: z.string() }),
      output: z.object({ id: z.string() }),
      errors: { too_fast: z.object({ waitMs: z.number() }) },
    },
    'chat/clear': {},
    'devices/:id/restart': { input: z.object({ delay: z.number() }), output: z.boolean() },
  },
})
const app = createApp({ contract })
const user = { id: 'u1', name: 'Ada', role: 'staff' } as const

// ---- the client has the contract of the app

const client = await connect(app, { user })
holds<Same<typeof client, TestClient<typeof contract>>>()
const { id } = await client.call('chat/send', { room: '42', text: 'hi' })
holds<Same<typeof id, string>>()
// @ts-expect-error: no such call
await client.call('chat/sned', { room: '42', text: 'hi' })
// @ts-expect-error: the user of the contract has a role
await connect(app, { user: { id: 'u1', name: 'Ada' } })
// @ts-expect-error: the role is one of two
await connect(app, { user: { ...user, role: 'boss' } })
// @ts-expect-error: there is no network
await connect(app, { url: 'http://localhost:3000' })

// ---- messages have the types of the topics that the pattern covers

const inbox = await client.messages('rooms/42/messages')
const { payload } = await inbox.next()
holds<Same<typeof payload, { from: string; text: string }>>()

const all = await client.messages('rooms/:room/messages')
holds<Same<(typeof all.all)[number]['params'], { readonly room: string }>>()

const both = await client.messages('rooms/*')
const message = await both.next()
holds<Same<typeof message.payload, { from: string; text: string } | { who: string }>>()

// @ts-expect-error: the contract has no such topic
await client.messages('romos/42/messages')
const plain: string = 'rooms/42/messages'
holds<Same<Awaited<ReturnType<typeof inbox.next>>['payload'], { from: string; text: string }>>()
const unknown = await (await client.messages(plain)).next()
holds<Same<typeof unknown.payload, unknown>>()

// ---- a client that validates gets what the schemas return

const validating = await connect(app, { contract })
holds<Same<typeof validating, TestClient<typeof contract, 'output'>>>()
const time = await (await validating.messages('clock')).next()
holds<Same<typeof time.payload, Date>>()
const text = await (await client.messages('clock')).next()
holds<Same<typeof text.payload, string>>()

// ---- a request has the types of its call

const reply = await request(app, 'chat/send', { room: '42', text: 'hi' }, { user })
holds<Same<typeof reply, { id: string }>>()
await request(app, 'chat/clear')
await request(app, 'chat/clear', undefined, { user })
const restarted = await request(app, 'devices/7/restart', { delay: 5 })
holds<Same<typeof restarted, boolean>>()
// @ts-expect-error: no such call
await request(app, 'chat/sned', { room: '42', text: 'hi' })
// @ts-expect-error: the input has another type
await request(app, 'chat/send', { room: 42, text: 'hi' })
// @ts-expect-error: the call needs its input
await request(app, 'chat/send')
// @ts-expect-error: the user has no such role
await request(app, 'chat/clear', undefined, { user: { ...user, role: 'boss' } })

// ---- without a contract, topics are strings

const untyped = createApp()
const bare = await connect(untyped, { user: { id: 'u1', name: 'Ada', anything: true } })
holds<Same<typeof bare, TestClient>>()
holds<Same<typeof bare.user, User | null>>()
const news: Inbox<{ readonly payload: unknown }> = await bare.messages('news/*')
await news.next()
const typed = await (await bare.messages<{ n: number }>('news/*')).next()
holds<Same<typeof typed.payload, { n: number }>>()
const anything = await request(untyped, 'any/topic', { any: 'payload' }, { user: { id: 'u1', name: 'Ada' } })
anything.field
// @ts-expect-error: a user has a name
await connect(untyped, { user: { id: 'u1' } })
