import { type Actor, type Bus, type ClientMessage, createApp, type Event, type Listener } from 'rookery'
import { holds, type Same } from './support.ts'

const app = createApp()

// ---- listeners

app.bus.subscribe('orders/*', (event, ctx) => {
  holds<Same<typeof event, Event>>()
  holds<Same<typeof event.actor, Actor | null>>()
  holds<Same<typeof event.client, ClientMessage | null>>()
  holds<Same<typeof ctx.signal, AbortSignal>>()
  // @ts-expect-error: events are read-only
  event.payload = 1
  // @ts-expect-error: events are read-only
  event.topics.push('a')
})
app.bus.subscribe<{ id: number }>('orders/*', ({ payload }) => {
  holds<Same<typeof payload, { id: number }>>()
})
app.bus.subscribe('orders/*', async ({ payload }: Event<{ id: number }>) => payload.id)
const listener: Listener<string> = ({ payload }) => payload.length
const subscription = app.bus.subscribe('a', listener).add('b').remove('a').clientOnly().all()
app.bus.subscribe(listener).add('a')
holds<Same<typeof subscription.dropped, number>>()
subscription.cancel()

// @ts-expect-error: the listener is missing
app.bus.subscribe('a')
// @ts-expect-error: the pattern comes first
app.bus.subscribe(listener, 'a')
// @ts-expect-error: an event has no topic, it has topics
app.bus.subscribe('a', ({ topic }) => topic)
// @ts-expect-error: a cancelled subscription has no methods to chain
subscription.cancel().add('a')

// ---- publishing

app.bus.publish('a')
app.bus.publish('a', { id: 1 })
app.bus.publish<{ id: number }>('a', { id: 1 })
app.bus.publish({ topics: ['a', 'b'], payload: 1, actor: { session: 's', user: null }, client: {} })
export const waiting: Promise<void> = app.bus.publishAndWait('a', 1)
// @ts-expect-error: the payload has another type
app.bus.publish<{ id: number }>('a', { id: '1' })
// @ts-expect-error: an event has topics
app.bus.publish({ topic: 'a', payload: 1 })
// @ts-expect-error: a client message is an object
app.bus.publish({ topics: ['a'], payload: 1, client: true })
// @ts-expect-error: an actor is an object
app.bus.publish({ topics: ['a'], payload: 1, actor: 'alice' })
// @ts-expect-error: several topics need an event object
app.bus.publish(['a', 'b'], 1)

export const published: Promise<void> = app.publish('a', 1)
void app.publish({ topics: ['a'], payload: 1, client: { topic: 'user:updated' } })

// ---- addressed

void app.send({ user: 'alice' }, 'inbox/new')
void app.send({ room: '42' }, 'inbox/new', { count: 3 })
void app.send({ session: 'x' }, 'inbox/new')
// @ts-expect-error: a target has no such key
void app.send({ group: 'x' }, 'inbox/new')
// @ts-expect-error: a target is an object
void app.send('alice', 'inbox/new')
// @ts-expect-error: the topic is missing
void app.send({ user: 'alice' })
// @ts-expect-error: an id is a string
void app.sessions.disconnect({ user: 42 })

// @ts-expect-error: the bus of an app is read-only
app.bus = {} as Bus
