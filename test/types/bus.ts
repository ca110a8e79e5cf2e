import { type Actor, type Bus, type ClientMessage, createApp, type Event, type Listener } from 'rookery'
import { holds, type Same } from './support.ts'

const app = createApp()

// ---- listeners

app.bus.subscribe('orders/*', (event, ctx) => {
  holds<Same<typeof event, Event>>()
  holds<Same<typeof event.actor, Actor | null>>()
  holds<Same<typeof event.client, ClientMessage | null>>()
  holds<Same<typeof ctx.signal, AbortSignal>>()
  // @ts-expect-error: an event is everybody's
  event.payload = 1
  // @ts-expect-error: an event is everybody's
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

// @ts-expect-error: a listener is missing
app.bus.subscribe('a')
// @ts-expect-error: the pattern comes first
app.bus.subscribe(listener, 'a')
// @ts-expect-error: an event has no topic, it has topics
app.bus.subscribe('a', ({ topic }) => topic)
// @ts-expect-error: cancel is the end
subscription.cancel().add('a')

// ---- publishing

app.bus.publish('a')
app.bus.publish('a', { id: 1 })
app.bus.publish<{ id: number }>('a', { id: 1 })
app.bus.publish({ topics: ['a', 'b'], payload: 1, actor: { session: 's', user: null }, client: {} })
export const waiting: Promise<void> = app.bus.publishAndWait('a', 1)
// @ts-expect-error: not the payload that was promised
app.bus.publish<{ id: number }>('a', { id: '1' })
// @ts-expect-error: an event has topics
app.bus.publish({ topic: 'a', payload: 1 })
// @ts-expect-error: a client message is an object
app.bus.publish({ topics: ['a'], payload: 1, client: true })
// @ts-expect-error: who did it is more than a name
app.bus.publish({ topics: ['a'], payload: 1, actor: 'alice' })
// @ts-expect-error: several topics are an event
app.bus.publish(['a', 'b'], 1)

export const published: Promise<void> = app.publish('a', 1)
void app.publish({ topics: ['a'], payload: 1, client: { topic: 'user:updated' } })

// ---- addressed

void app.send({ user: 'alice' }, 'inbox/new')
void app.send({ room: '42' }, 'inbox/new', { count: 3 })
void app.send({ session: 'x' }, 'inbox/new')
// @ts-expect-error: there is nobody of that kind
void app.send({ group: 'x' }, 'inbox/new')
// @ts-expect-error: a target is an object
void app.send('alice', 'inbox/new')
// @ts-expect-error: a topic is missing
void app.send({ user: 'alice' })
// @ts-expect-error: an id is a string
void app.sessions.disconnect({ user: 42 })

// @ts-expect-error: the bus of an app is the app's
app.bus = {} as Bus
