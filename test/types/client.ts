import { type Client, createClient, type Message, type RookeryError, type User } from 'rookery/client'
import { holds, type Same } from './support.ts'

const client = createClient({ url: 'http://localhost:3000' })
holds<Same<typeof client, Client>>()

// ---- subscriptions

client.subscribe('rooms/*', (payload, message) => {
  holds<Same<typeof payload, unknown>>()
  holds<Same<typeof message, Message>>()
})
client.subscribe<{ text: string }>('rooms/*', ({ text }, message) => {
  holds<Same<typeof text, string>>()
  holds<Same<typeof message.payload, { text: string }>>()
})
client.subscribe('a', (_payload, { cursor, replayed, kept }) => {
  holds<Same<typeof cursor, string | undefined>>()
  holds<Same<typeof replayed, true | undefined>>()
  holds<Same<typeof kept, false | undefined>>()
})
for (const since of [
  'now',
  'earliest',
  client.cursor ?? 'now',
  { last: 50 },
  { ago: '5m' },
  { ago: 500 },
] as const) {
  const sub = client.subscribe('a', () => {}, { since })
  sub.on('recovered', () => {})
  sub.on('gap', ({ reason }) => {
    holds<Same<typeof reason, 'expired' | 'epoch' | 'ahead' | 'limit' | 'unavailable'>>()
  })
}
client.subscribe('a', () => {}, { state: ({ signal }) => fetch('/a', { signal }) })
// @ts-expect-error: minutes are `m`
client.subscribe('a', () => {}, { since: { ago: '5 minutes' } })
// @ts-expect-error: the listener is missing
client.subscribe('rooms/*')
// @ts-expect-error: a subscription has one pattern
client.subscribe(['a', 'b'], () => {})

// ---- calls

export const calls = async () => {
  const unknown = await client.call('a')
  holds<Same<typeof unknown, unknown>>()
  const known = await client.call<{ sent: boolean }>('chat/send', { text: 'hi' }, { timeout: 500 })
  holds<Same<typeof known, { sent: boolean }>>()
  // @ts-expect-error: the payload is unknown until it has been checked
  unknown.sent
  // @ts-expect-error: a timeout is a number of milliseconds
  await client.call('a', null, { timeout: '5 seconds' })
  const nothing = client.send('a', 1)
  holds<Same<typeof nothing, void>>()
}

// ---- events

const off = client.on('state', (state) => {
  holds<Same<typeof state, 'idle' | 'connecting' | 'open' | 'waiting' | 'closed'>>()
})
off()
client.on('open', ({ session, user }) => {
  holds<Same<typeof session, string>>()
  holds<Same<typeof user, User | null>>()
})
client.on('close', ({ error, willReconnect, retryIn }) => {
  holds<Same<typeof error, RookeryError>>()
  holds<Same<typeof willReconnect, boolean>>()
  holds<Same<typeof retryIn, number | null>>()
})
client.on('error', (error) => holds<Same<typeof error, RookeryError>>())
// @ts-expect-error: no such event
client.on('opened', () => {})
// @ts-expect-error: state is read-only
client.state = 'open'

// ---- options

createClient()
// @ts-expect-error: no such option
createClient({ uri: 'http://localhost:3000' })
createClient({ token: 'secret' })
createClient({ token: () => null })
createClient({ token: async (): Promise<string | undefined> => 'secret' })
// @ts-expect-error: a token is a string
createClient({ token: 5 })
// @ts-expect-error: a URL is a string
createClient({ url: 3000 })

holds<Same<RookeryError['retryable'], boolean>>()
