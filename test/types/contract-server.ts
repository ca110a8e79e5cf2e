import {
  type Actor,
  type App,
  createApp,
  defineMiddleware,
  type EventInit,
  type RookeryError,
  type User,
} from 'rookery'
import { contract } from './contract-sample.ts'
import { holds, type Same } from './support.ts'

const app = createApp({ contract })
declare const id: string
declare const anyTopic: string

// ---- handlers

app.handle('chat/send', (ctx, payload) => {
  holds<Same<typeof payload, { room: string; text: string }>>()
  holds<Same<typeof ctx.topic, 'chat/send'>>()
  holds<Same<typeof ctx.payload, unknown>>()
  holds<Same<typeof ctx.user.role, 'guest' | 'staff'>>()
  holds<Same<typeof ctx.user.id, string>>()
  return { id: 'x', at: '2026-01-01' }
})
app.handle('chat/send', async () => ({ id: 'x', at: '2026-01-01' }))
app.handle('chat/send', { timeout: '2s', rate: { limit: 5, window: '1s' }, also: true }, async () => ({
  id: 'x',
  at: '2026-01-01',
}))
app.handle('chat/count', (_ctx, payload) => {
  holds<Same<typeof payload, undefined>>()
  return 5
})
app.handle('chat/clear', () => {})
app.handle('chat/clear', async () => {})
app.handle('chat/search', (_ctx, payload) => {
  holds<Same<typeof payload, { text: string } | undefined>>()
  return []
})
app.handle('orders/:id/cancel', (ctx, { reason }) => {
  holds<Same<typeof reason, string>>()
  holds<Same<typeof ctx.params, { readonly id: string }>>()
  holds<Same<typeof ctx.topic, `orders/${string}/cancel`>>()
  // @ts-expect-error: the pattern has no such name
  ctx.params.room
  return true
})
const remove = app.handle('chat/clear', () => {})
holds<Same<typeof remove, () => void>>()

// @ts-expect-error: the contract has no such call
app.handle('chat/sned', () => {})
// @ts-expect-error: a topic is not a call
app.handle('clock', () => {})
// @ts-expect-error: the result lacks a field
app.handle('chat/send', () => ({ id: 'x' }))
// @ts-expect-error: the schema takes a text, and makes a date of it
app.handle('chat/send', () => ({ id: 'x', at: new Date() }))
// @ts-expect-error: the call has a result
app.handle('chat/count', async () => {})
// @ts-expect-error: the schema has no such field
app.handle('chat/send', (_ctx, { txet }) => ({ id: txet, at: '' }))
// @ts-expect-error: the contract states the schema
app.handle('chat/clear', { schema: contract.calls['chat/send'].input }, () => {})
// @ts-expect-error: there is no such unit
app.handle('chat/clear', { timeout: '2 seconds' }, () => {})
// A topic that the compiler does not know has unknown payloads, never `never`.
app.handle(anyTopic, (ctx, payload) => {
  holds<Same<typeof payload, unknown>>()
  holds<Same<typeof ctx.params, Readonly<Record<string, string>>>>()
  return 'anything'
})

// ---- errors of a call

app.handle('chat/send', (ctx) => {
  const error = ctx.error('too_fast', { waitMs: 5 })
  holds<Same<typeof error, RookeryError>>()
  ctx.error('too_fast', { waitMs: 5 }, 'Not so fast')
  ctx.error('closed')
  // @ts-expect-error: the call has no such error
  ctx.error('too_fats', { waitMs: 5 })
  // @ts-expect-error: the error is that of another call
  ctx.error('too_late', { since: '' })
  // @ts-expect-error: the data has another type
  ctx.error('too_fast', { waitMs: '5' })
  // @ts-expect-error: the data is missing
  ctx.error('too_fast')
  throw error
})
app.handle('chat/clear', (ctx) => {
  // @ts-expect-error: the call has no errors
  ctx.error('too_fast', { waitMs: 5 })
})

// ---- publishing

void app.publish('clock', '2026-01-01T00:00:00Z')
void app.publish('holidays', '2026-01-01')
void app.publish('rooms/42/messages', { id: 'x', text: 'hi' })
void app.publish(`rooms/${id}/messages`, { id, text: 'hi' })
void app.publish(`rooms/${id}/closed`)
void app.publish('devices/1/lamp', { on: true })
void app.publish(anyTopic, { anything: true })
void app.publish(anyTopic)
void app.publish({ topics: ['orders/1'], payload: 1 } satisfies EventInit)
const published = app.publish('clock', '')
holds<Same<typeof published, Promise<void>>>()
// @ts-expect-error: the contract has no such topic
void app.publish('cloc', '')
// @ts-expect-error: the contract has no such topic
void app.publish(`rooms/${id}/mesages`, { id, text: 'hi' })
// @ts-expect-error: a topic has no further segments
void app.publish(`rooms/${id}/messages/x`, { id, text: 'hi' })
// @ts-expect-error: a call is not a topic
void app.publish('chat/send', { room: '1' })
// @ts-expect-error: the payload is missing
void app.publish('clock')
// @ts-expect-error: publishers give what the schema takes
void app.publish('clock', new Date())
// @ts-expect-error: a field is missing
void app.publish('rooms/42/messages', { id: 'x' })
// @ts-expect-error: the field has another type
void app.publish(`rooms/${id}/messages`, { id, text: 5 })
// @ts-expect-error: the schema has no such field
void app.publish(`rooms/${id}/messages`, { id, text: 'hi', txet: 'hi' })
// @ts-expect-error: the topic has no payload
void app.publish(`rooms/${id}/closed`, 5)

app.handle('chat/clear', async (ctx) => {
  await ctx.publish(`rooms/${id}/messages`, { id, text: 'hi' })
  await ctx.broadcast('rooms/42/typing', { user: id })
  await ctx.broadcast(anyTopic)
  // @ts-expect-error: the contract has no such topic
  await ctx.publish('cloc', '')
  // @ts-expect-error: the field has another type
  await ctx.broadcast('rooms/42/typing', { user: 5 })
})

// ---- sending

const reached = app.send({ user: '42' }, `rooms/${id}/messages`, { id, text: 'hi' })
holds<Same<typeof reached, Promise<{ readonly sessions: number; readonly kept: boolean }>>>()
void app.send({ room: '42' }, anyTopic, 5)
// @ts-expect-error: the contract has no such topic
void app.send({ user: '42' }, 'inbox', 5)
// @ts-expect-error: the field has another type
void app.send({ user: '42' }, 'rooms/42/typing', { user: 5 })

// ---- listeners on the server

app.bus.subscribe('rooms/42/messages', ({ payload, topics, actor }) => {
  holds<Same<typeof payload, { id: string; text: string }>>()
  holds<Same<typeof topics, readonly string[]>>()
  holds<Same<typeof actor, Actor | null>>()
})
app.bus.subscribe('rooms/*', ({ payload }) => {
  holds<Same<typeof payload, { id: string; text: string } | { user: string } | undefined>>()
})
// Listeners on the server get what was published.
app.bus.subscribe('clock', ({ payload }) => holds<Same<typeof payload, string>>(), { source: 'all' })
app.bus.subscribe('orders/*', ({ payload }) => holds<Same<typeof payload, unknown>>())
app.bus.subscribe<{ total: number }>('orders/*', ({ payload }) =>
  holds<Same<typeof payload, { total: number }>>(),
)
app.bus.subscribe(anyTopic, ({ payload }) => holds<Same<typeof payload, unknown>>())
app.bus.subscribe(({ payload }) => holds<Same<typeof payload, unknown>>()).add('a')
app.bus.subscribe('clock', () => {}).cancel()

// ---- middleware and groups

const withAccount = defineMiddleware<{ account: { balance: number } }>(async (ctx, next) => {
  holds<Same<typeof ctx.user, User>>()
  return next({ account: { balance: 5 } })
})
const withTrace = defineMiddleware<{ trace: string }>((_ctx, next) => next({ trace: 'x' }))
const withLimit = defineMiddleware<{ limit: number }, object, { account: { balance: number } }>((ctx, next) =>
  next({ limit: ctx.state.account.balance }),
)
const logged = defineMiddleware((_ctx, next) => next())

const group = app.group({ use: [withAccount, logged, withTrace], rate: { limit: 5, window: '1s' } })
group.handle('chat/send', (ctx, { text }) => {
  holds<Same<typeof ctx.state.account, { balance: number }>>()
  holds<Same<typeof ctx.state.trace, string>>()
  holds<Same<typeof text, string>>()
  // @ts-expect-error: no middleware adds it
  ctx.state.limit
  return { id: ctx.state.trace, at: '' }
})
group.group({ use: [withLimit] }).handle('chat/clear', (ctx) => {
  holds<Same<typeof ctx.state.limit, number>>()
  holds<Same<typeof ctx.state.trace, string>>()
})
app
  .group({
    use: [
      (ctx, next) => {
        holds<Same<typeof ctx.topic, string>>()
        return next()
      },
      withTrace,
    ],
  })
  .handle('chat/clear', () => {})
group.group({ use: [withLimit, withTrace] }).group({ use: [withLimit] })
app.group({ timeout: '1s' }).handle('chat/count', () => 5)
app.group({ use: [withAccount, withLimit] })
// @ts-expect-error: the middleware needs state that is added after it
app.group({ use: [withLimit, withAccount] })
// @ts-expect-error: the middleware needs state that nothing adds
app.group({ use: [withLimit] })
// @ts-expect-error: the contract has no such call
group.handle('chat/sned', () => {})
// @ts-expect-error: the state is missing
defineMiddleware<{ trace: string }>((_ctx, next) => next())
// @ts-expect-error: the state has another type
defineMiddleware<{ trace: string }>((_ctx, next) => next({ trace: 5 }))
app.handle('chat/clear', (ctx) => {
  // @ts-expect-error: only groups have state
  ctx.state.trace
})
// Middleware of one app knows its user.
const requireStaff = defineMiddleware<{ staff: true }, typeof contract>((ctx, next) => {
  holds<Same<typeof ctx.user.role, 'guest' | 'staff'>>()
  return next({ staff: true })
})
app
  .group({ use: [requireStaff, logged] })
  .handle('chat/clear', ({ state }) => holds<Same<typeof state.staff, true>>())
app.use('chat/*', (ctx, next) => {
  holds<Same<typeof ctx.user.role, 'guest' | 'staff'>>()
  return next()
})
app.use(logged)

// ---- helper functions

const start = (any: App) => any.start()
void start(app)
const greet = (typed: App<typeof contract>) => typed.publish('clock', '')
void greet(app)
const untyped = createApp()
// @ts-expect-error: an app without the contract
void greet(untyped)
