import { type App, createApp } from 'rookery'
import { type Client, createClient } from 'rookery/client'
import { defineContract, mergeContracts, prefixContract } from 'rookery/contract'
import { z } from 'zod'
import { holds, type Same } from './support.ts'

// ---- what a contract may hold

defineContract({})
defineContract({ topics: { a: { schema: z.string(), description: 'Text' } }, calls: { b: {} } })
// @ts-expect-error: a user is a schema
defineContract({ user: { id: 'string' } })
// @ts-expect-error: a topic is a schema
defineContract({ topics: { a: 'string' } })
// @ts-expect-error: a call is an object, not a schema
defineContract({ calls: { a: z.string() } })
// @ts-expect-error: an input is a schema
defineContract({ calls: { a: { input: 'string' } } })
// @ts-expect-error: a call has no such field
defineContract({ calls: { a: { inptu: z.string() } } })
// @ts-expect-error: a contract has no such field
defineContract({ topcis: {} })
// @ts-expect-error: the data of an error is a schema
defineContract({ calls: { a: { errors: { too_fast: 5 } } } })

const user = z.object({ id: z.string(), name: z.string(), role: z.literal('staff') })
const chat = defineContract({
  user,
  topics: { 'chat/:room': z.string() },
  calls: { say: { input: z.string() } },
})
const billing = defineContract({
  topics: { 'invoices/:id': z.object({ total: z.number() }) },
  calls: { pay: { input: z.number(), errors: { broke: z.object({ missing: z.number() }) } } },
})

// ---- contracts compose

const contract = mergeContracts(chat, prefixContract('billing', billing))
holds<Same<keyof typeof contract.topics, 'chat/:room' | 'billing/invoices/:id'>>()
holds<Same<keyof typeof contract.calls, 'say' | 'billing/pay'>>()
holds<Same<typeof contract.user, typeof user>>()
const app = createApp({ contract })
app.publish('billing/invoices/7', { total: 5 })
// @ts-expect-error: the contract has a prefix
app.publish('invoices/7', { total: 5 })
app.handle('billing/pay', (ctx, amount) => {
  holds<Same<typeof amount, number>>()
  holds<Same<typeof ctx.user.role, 'staff'>>()
  throw ctx.error('broke', { missing: amount })
})
createClient<typeof contract>().subscribe('chat/*', (text) => holds<Same<typeof text, string>>())
// @ts-expect-error: a contract is an object
mergeContracts(chat, 'billing')
// @ts-expect-error: a prefix is a string
prefixContract(5, billing)
const both = prefixContract('a/b', mergeContracts(chat, billing))
holds<Same<keyof typeof both.calls, 'a/b/say' | 'a/b/pay'>>()

// ---- what a contract does not state is untyped

const topicsOnly = defineContract({ topics: { clock: z.string() } })
const topicsApp = createApp({ contract: topicsOnly })
topicsApp.handle('any/call', z.object({ text: z.string() }), (ctx, { text }) => {
  holds<Same<typeof text, string>>()
  throw ctx.error('any_code', text)
})
// @ts-expect-error: the contract has no such topic
topicsApp.publish('cloc', '')
const topicsClient = createClient<typeof topicsOnly>()
topicsClient.subscribe('clock', (time) => holds<Same<typeof time, string>>())
export const reply: Promise<number> = topicsClient.call<number>('any/call', 5)
if (topicsClient.isError(reply, 'any_code')) holds<Same<typeof reply.data, unknown>>()

const callsOnly = defineContract({ calls: { count: { output: z.number() } } })
const callsApp = createApp({ contract: callsOnly })
callsApp.handle('count', (ctx) => {
  ctx.publish('any/topic', 5)
  return 5
})
callsApp.publish('any/topic')
callsApp.bus.subscribe<number>('any/topic', ({ payload }) => holds<Same<typeof payload, number>>())
// @ts-expect-error: the contract has no such call
callsApp.handle('cuont', () => 5)
const callsClient = createClient<typeof callsOnly>()
callsClient.subscribe<number>('any/topic', (payload) => holds<Same<typeof payload, number>>())
callsClient.join('1').on<number>('any', (payload) => holds<Same<typeof payload, number>>())
export const counted: Promise<number> = callsClient.call('count')

const userOnly = defineContract({ user })
const userApp = createApp({ contract: userOnly })
userApp.handle('any/call', (ctx) => holds<Same<typeof ctx.user.role, 'staff'>>())
const userClient = createClient<typeof userOnly>()
holds<Same<NonNullable<typeof userClient.user>['role'], 'staff'>>()
userClient.send('any/call', 5)

// ---- functions that take any app or any client

const apps: readonly App[] = [app, topicsApp, callsApp, userApp, createApp()]
const clients: readonly Client[] = [topicsClient, callsClient, userClient, createClient()]

export { apps, clients }
