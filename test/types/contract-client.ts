import {
  type Client,
  createClient,
  isTopic,
  type RookeryError,
  type Subscription,
  type TypedListener,
} from 'rookery/client'
import { type Contract, contract } from './contract-sample.ts'
import { holds, type Same } from './support.ts'

const client = createClient<Contract>({ url: 'http://localhost:3000' })
/** Validates what arrives, so that listeners get what the schemas return. */
const validating = createClient({ url: 'http://localhost:3000', contract })
holds<Same<typeof client, Client<Contract>>>()
holds<Same<typeof validating, Client<Contract, 'output'>>>()
declare const id: string
declare const anyTopic: string

type Message = { id: string; text: string }
type Typing = { user: string }

// ---- subscriptions

const subscription = client.subscribe('rooms/42/messages', (payload, message) => {
  holds<Same<typeof payload, Message>>()
  holds<Same<typeof message.payload, Message>>()
  holds<Same<typeof message.topic, `rooms/${string}/messages`>>()
})
holds<Same<typeof subscription, Subscription>>()
client.subscribe(`rooms/${id}/typing`, ({ user }) => holds<Same<typeof user, string>>())
client.subscribe('rooms/:room/messages', ({ text }, { params, topics }) => {
  holds<Same<typeof text, string>>()
  holds<Same<typeof params, { readonly room: string }>>()
  holds<Same<typeof topics, readonly string[] | undefined>>()
})
client.subscribe('rooms/:anyName/*', (_payload, { params }) => {
  holds<Same<typeof params, { readonly anyName: string }>>()
})
client.subscribe('devices/1/lamp', ({ on }) => holds<Same<typeof on, boolean>>(), { local: true })
client.subscribe('rooms/42/*', (payload) => {
  holds<Same<typeof payload, Message | Typing | undefined>>()
})
client.subscribe('rooms/*/messages', (payload) => holds<Same<typeof payload, Message>>())
client.subscribe('rooms/*', async () => {})
client.subscribe(anyTopic, (payload, message) => {
  holds<Same<typeof payload, unknown>>()
  holds<Same<typeof message.payload, unknown>>()
  holds<Same<typeof message.topic, string>>()
})
client.subscribe(anyTopic, (payload: number) => payload)
// @ts-expect-error: the contract has no such topic
client.subscribe('rooms/42/mesages', () => {})
// @ts-expect-error: the contract has no such topic
client.subscribe('room/*', () => {})
// @ts-expect-error: a call is not a topic
client.subscribe('chat/send', () => {})
// @ts-expect-error: the listener is missing
client.subscribe('clock')
// @ts-expect-error: the listener expects another payload
client.subscribe('clock', (payload: number) => payload)
// @ts-expect-error: the schema has no such field
client.subscribe('rooms/42/messages', ({ txet }) => txet)
// @ts-expect-error: the contract states the payload
client.subscribe<number>('clock', () => {})

// ---- `topic` tells the topics of a pattern apart

client.subscribe('*', (_payload, message) => {
  if (message.topic === 'clock') holds<Same<typeof message.payload, string>>()
})
client.subscribe('rooms/42/*', (_payload, message) => {
  if (isTopic(message, 'rooms/:room/typing')) holds<Same<typeof message.payload, Typing>>()
  else if (isTopic(message, 'rooms/:room/messages')) holds<Same<typeof message.payload, Message>>()
  else holds<Same<typeof message.payload, undefined>>()
})
client.subscribe('rooms/42/*', (_payload, message) => {
  if (isTopic(message, 'rooms/42/typing')) {
    holds<Same<typeof message.payload, Typing>>()
    holds<Same<typeof message.topic, 'rooms/42/typing'>>()
  } else if (isTopic(message, 'rooms/:room/messages')) holds<Same<typeof message.payload, Message>>()
  else holds<Same<typeof message.payload, Typing | undefined>>()
})
client.subscribe(anyTopic, (_payload, message) => {
  if (isTopic(message, 'rooms/:room/typing')) holds<Same<typeof message.topic, `rooms/${string}/typing`>>()
  else holds<Same<typeof message.topic, string>>()
})

// ---- a validating client gets what the schemas return

client.subscribe('clock', (time) => holds<Same<typeof time, string>>())
validating.subscribe('clock', (time) => holds<Same<typeof time, Date>>())
validating.subscribe('holidays', (day, message) => {
  holds<Same<typeof day, Date>>()
  holds<Same<typeof message.payload, Date>>()
})

// ---- calls

export const calls = async () => {
  const sent = await client.call('chat/send', { room: '42' })
  holds<Same<typeof sent, { id: string; at: string }>>()
  const validated = await validating.call('chat/send', { room: '42', text: 'hi' }, { timeout: 500 })
  holds<Same<typeof validated, { id: string; at: Date }>>()
  const count = await client.call('chat/count')
  holds<Same<typeof count, number>>()
  await client.call('chat/count', undefined, { timeout: 500 })
  const nothing = await client.call('chat/clear')
  holds<Same<typeof nothing, undefined>>()
  const found = await client.call('chat/search')
  holds<Same<typeof found, string[]>>()
  await client.call('chat/search', { text: 'hi' }, { signal: AbortSignal.timeout(5) })
  const cancelled = await client.call(`orders/${id}/cancel`, { reason: 'late' })
  holds<Same<typeof cancelled, boolean>>()
  await client.call('orders/7/cancel', { reason: 'late' })
  const unknown = await client.call(anyTopic, 5)
  holds<Same<typeof unknown, unknown>>()
  const stated: number = await client.call(anyTopic)
  holds<Same<typeof stated, number>>()
  // @ts-expect-error: the contract has no such call
  await client.call('chat/sned', { room: '42' })
  // @ts-expect-error: a topic is not a call
  await client.call('clock')
  // @ts-expect-error: the schema has no such field
  await client.call('chat/send', { room: '42', txet: 'hi' })
  // @ts-expect-error: the payload is missing
  await client.call('chat/send')
  // @ts-expect-error: the call has no payload
  await client.call('chat/count', 5)
  // @ts-expect-error: options come after the payload
  await client.call('chat/send', { timeout: 500 })
  // @ts-expect-error: the contract states the result
  await client.call<number>('chat/count')
  // @ts-expect-error: the result has no such field
  sent.ad
}

client.send('chat/send', { room: '42', text: 'hi' }, { volatile: true })
client.send('chat/clear')
client.send(anyTopic, 5)
// @ts-expect-error: the contract has no such call
client.send('chat/sned')
// @ts-expect-error: the field has another type
client.send('chat/send', { room: 42 })

// ---- errors

export const errors = (error: unknown) => {
  if (client.isError(error, 'too_fast')) {
    holds<Same<typeof error.data, { waitMs: number }>>()
    holds<Same<typeof error.code, 'too_fast'>>()
    const plain: RookeryError = error
    plain.message
  }
  if (client.isError(error, 'too_late')) holds<Same<typeof error.data.since, string>>()
  if (client.isError(error, 'rate_limited')) holds<Same<typeof error.data, unknown>>()
  // @ts-expect-error: neither the contract nor Rookery has such a code
  client.isError(error, 'too_fats')
}

// ---- rooms

const room = client.join('42')
room.on('messages', (payload, message) => {
  holds<Same<typeof payload, Message>>()
  holds<Same<typeof message.topic, `rooms/${string}/messages`>>()
})
room.on('*', (payload) => holds<Same<typeof payload, Message | Typing | undefined>>())
// `rooms()` publishes it. It is not in the contract.
room.on('joined', (payload) => holds<Same<typeof payload, unknown>>())
room.on(anyTopic, (payload) => holds<Same<typeof payload, unknown>>())
room.send('say', { text: 'hi' })
export const say = async () => {
  const said = await room.call('say', { text: 'hi' }, { timeout: 5 })
  holds<Same<typeof said, { id: string }>>()
  // @ts-expect-error: the contract has no such call
  await room.call('sya', { text: 'hi' })
  // @ts-expect-error: the field has another type
  room.send('say', { text: 5 })
  // @ts-expect-error: the payload is missing
  await room.call('say')
}

// ---- the user

holds<Same<NonNullable<typeof client.user>['role'], 'guest' | 'staff'>>()
export const welcomed = async () => {
  const { user } = await client.ready()
  holds<Same<NonNullable<typeof user>['role'], 'guest' | 'staff'>>()
}
client.on('open', ({ user }) => holds<Same<NonNullable<typeof user>['id'], string>>())

// ---- helper functions

const stop = (any: Client) => any.close()
stop(client)
stop(validating)
const clear = (typed: Client<Contract>) => typed.call('chat/clear')
clear(client)
export const show: TypedListener<Contract, 'rooms/*/messages'> = ({ text }) => text
client.subscribe('rooms/42/messages', ({ text }: Message) => text)
// @ts-expect-error: a contract is what defineContract returns, not its type
createClient({ contract: 'contract' })
