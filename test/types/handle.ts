import { type } from 'arktype'
import { type Context, createApp, type Middleware, type Session, type Untyped, type User } from 'rookery'
import * as v from 'valibot'
import { z } from 'zod'
import { holds, type Same } from './support.ts'

const app = createApp()

// ---- the payload has the output type of the schema, for any schema library

app.handle('zod', z.object({ at: z.string().transform((text) => new Date(text)) }), (_ctx, payload) => {
  holds<Same<typeof payload, { at: Date }>>()
})
app.handle('valibot', v.object({ n: v.pipe(v.string(), v.transform(Number)) }), (_ctx, payload) => {
  holds<Same<typeof payload, { n: number }>>()
})
app.handle('arktype', type({ n: 'string.numeric.parse' }), (_ctx, payload) => {
  holds<Same<typeof payload, { n: number }>>()
})
app.handle('optional', z.object({ room: z.string().optional() }), (_ctx, { room }) => {
  // @ts-expect-error: the field may be undefined
  room.length
})
app.handle('a', z.object({ text: z.string() }), (_ctx, payload) => {
  // @ts-expect-error: the schema has no such field
  payload.txt
})
app.handle('a', z.object({ text: z.string() }), () => {})

// ---- without a schema the payload is unknown

app.handle('bare', (ctx, payload) => {
  holds<Same<typeof payload, unknown>>()
  holds<Same<typeof ctx.payload, unknown>>()
  // @ts-expect-error: the payload is unknown until it has been checked
  payload.text
})

// ---- the context of a handler

app.handle('ctx', async (ctx) => {
  holds<Same<typeof ctx, Context<Untyped, 'ctx'>>>()
  holds<Same<typeof ctx.user, User>>()
  holds<Same<typeof ctx.user.id, string>>()
  holds<Same<typeof ctx.user.role, unknown>>()
  holds<Same<typeof ctx.session, Session>>()
  holds<Same<typeof ctx.session.user, User | null>>()
  holds<Same<typeof ctx.session.rooms, ReadonlySet<string>>>()
  holds<Same<typeof ctx.signal, AbortSignal>>()
  const published = await ctx.publish('a/b', 1)
  holds<Same<typeof published, void>>()
  await ctx.publish('a/b')
  // @ts-expect-error: a topic is a string
  await ctx.publish(42)
  // @ts-expect-error: the user is read-only
  ctx.user = { id: 'x', name: 'x' }
  // @ts-expect-error: a session may have no user
  ctx.session.user.name
  // @ts-expect-error: rooms are joined through the rooms plugin
  ctx.session.rooms.add('x')
})

// ---- invalid calls

// @ts-expect-error: the handler is missing
app.handle('a')
// @ts-expect-error: the topic is missing
app.handle(() => {})
// @ts-expect-error: the argument is not a schema
app.handle('a', { type: 'object' }, () => {})
// @ts-expect-error: the schema comes before the handler
app.handle('a', () => {}, z.string())
// @ts-expect-error: the handler expects another payload than the schema gives
app.handle('a', z.object({ text: z.string() }), (_ctx, payload: { text: number }) => payload)
// @ts-expect-error: without a schema a handler gets unknown
app.handle('a', (_ctx, payload: { text: string }) => payload)

// ---- the returned function removes the handler

const remove = app.handle('a', () => {})
holds<Same<typeof remove, () => void>>()

// ---- middleware

app.use(async (ctx, next) => {
  holds<Same<typeof ctx, Context>>()
  const reply = await next()
  holds<Same<typeof reply, unknown>>()
  return reply
})
app.use('admin/*', (_ctx, next) => next())
// @ts-expect-error: the pattern comes first
app.use((_ctx, next) => next(), 'admin/*')
// @ts-expect-error: the middleware is missing
app.use('admin/*')
export const timed: Middleware = async (ctx, next) => {
  const started = performance.now()
  try {
    return await next()
  } finally {
    void [ctx.topic, performance.now() - started]
  }
}
