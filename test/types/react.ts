import type { RoomMember, User } from 'rookery/client'
import { type Client, createClient, type RookeryError } from 'rookery/client'
import { defineContract } from 'rookery/contract'
import {
  createHooks,
  RookeryProvider,
  useCall,
  useClient,
  useConnection,
  useRoom,
  useTopic,
} from 'rookery/react'
import { z } from 'zod'
import { holds, type Same } from './support.ts'

// ---- without a contract

export const untyped = () => {
  const last = useTopic('news')
  holds<Same<typeof last.data, unknown>>()
  holds<Same<typeof last.status, 'pending' | 'active' | 'failed'>>()
  holds<Same<typeof last.error, Error | undefined>>()
  const declared = useTopic<{ text: string }>('news')
  holds<Same<typeof declared.data, { text: string } | undefined>>()
  const initial = useTopic<number, null>('news', { initial: null })
  holds<Same<typeof initial.data, number | null>>()
  const loaded = useTopic('news', { load: async () => 'text' })
  holds<Same<typeof loaded.data, string | undefined>>()
  const reduced = useTopic('news', {
    initial: [] as string[],
    reduce: (list, text: string, message) => {
      holds<Same<typeof list, string[]>>()
      holds<Same<typeof message.topic, string>>()
      return [...list, text]
    },
  })
  holds<Same<typeof reduced.data, string[]>>()
  const selected = useTopic('news', {
    load: async ({ signal }) => [String(signal.aborted)],
    reduce: (list, text: string) => [...list, text],
    select: (list) => {
      holds<Same<typeof list, string[] | undefined>>()
      return list?.length ?? 0
    },
    isEqual: (one, other) => one === other,
  })
  holds<Same<typeof selected.data, number>>()
  useTopic(null)
  // @ts-expect-error: without initial and load, there is no state to begin with
  useTopic('news', { reduce: (list: string[], text: string) => [...list, text] })
  // @ts-expect-error: no such option
  useTopic('news', { intial: 5 })

  const { call, data, error, pending, reset } = useCall<{ id: string }, { text: string }>('chat/send')
  holds<Same<typeof data, { id: string } | undefined>>()
  holds<Same<typeof error, RookeryError | undefined>>()
  holds<Same<typeof pending, boolean>>()
  holds<Same<typeof reset, () => void>>()
  const reply = call({ text: 'hello' }, { timeout: 500 })
  holds<Same<typeof reply, Promise<{ id: string }>>>()
  void useCall('chat/send').call()
  // @ts-expect-error: the input is missing
  void call()

  const { room, state, members } = useRoom('42', { members: true })
  holds<Same<typeof state, 'joining' | 'joined' | 'failed'>>()
  holds<Same<typeof members, readonly RoomMember[] | undefined>>()
  room?.on('messages', (message) => message)
  // @ts-expect-error: the hook leaves the room
  room?.leave()

  const connection = useConnection()
  holds<Same<typeof connection.user, User | null>>()
  const client = useClient()
  holds<Same<typeof client, Client>>()
  return RookeryProvider({ client, linger: 500 })
}

// ---- with a contract

const contract = defineContract({
  user: z.object({ id: z.string(), name: z.string(), role: z.enum(['guest', 'staff']) }),
  topics: {
    'rooms/:room/messages': z.object({ id: z.string(), text: z.string() }),
    'rooms/:room/typing': z.object({ user: z.string() }),
  },
  calls: {
    'chat/send': {
      input: z.object({ room: z.string(), text: z.string().default('hello') }),
      output: z.object({ id: z.string() }),
      errors: { too_fast: z.object({ waitMs: z.number() }) },
    },
    'chat/clear': {},
    'rooms/:room/say': { input: z.object({ text: z.string() }) },
  },
})

const typed = createHooks<typeof contract>()

type Message = { id: string; text: string }

export const withContract = (id: string) => {
  const last = typed.useTopic('rooms/42/messages')
  holds<Same<typeof last.data, Message | undefined>>()
  const template = typed.useTopic(`rooms/${id}/messages`, { initial: null })
  holds<Same<typeof template.data, Message | null>>()
  const list = typed.useTopic('rooms/:room/messages', {
    load: async () => [] as Message[],
    reduce: (state, message, { topic, params }) => {
      holds<Same<typeof state, Message[]>>()
      holds<Same<typeof message, Message>>()
      holds<Same<typeof params.room, string>>()
      holds<Same<typeof topic, `rooms/${string}/messages`>>()
      return [...state, message]
    },
    select: (state) => state?.length,
  })
  holds<Same<typeof list.data, number | undefined>>()
  const both = typed.useTopic('rooms/42/*', {
    initial: { texts: [] as string[], typing: '' },
    reduce: (state, payload) => {
      holds<Same<typeof payload, Message | { user: string }>>()
      return 'user' in payload ? { ...state, typing: payload.user } : state
    },
  })
  holds<Same<typeof both.data, { texts: string[]; typing: string }>>()
  typed.useTopic(id ? `rooms/${id}/messages` : null)
  // @ts-expect-error: no such topic
  typed.useTopic('rooms/42/massages')
  // @ts-expect-error: the payload has no such field
  typed.useTopic('rooms/42/messages', { initial: '', reduce: (_, { txet }) => txet })
  // @ts-expect-error: the state is another type
  typed.useTopic('rooms/42/messages', { initial: '', reduce: () => 5 })
  // @ts-expect-error: what is loaded is not a message
  typed.useTopic('rooms/42/messages', { load: async () => 5 })

  const { call, data } = typed.useCall('chat/send')
  holds<Same<typeof data, { id: string } | undefined>>()
  void call({ room: '42' })
  void typed.useCall('chat/clear').call()
  void typed.useCall(`rooms/${id}/say`).call({ text: 'hello' })
  // @ts-expect-error: a wrong field
  void call({ room: '42', txet: 'hello' })
  // @ts-expect-error: the input is missing
  void call()
  // @ts-expect-error: no such call
  typed.useCall('chat/sned')

  const { error } = typed.useCall('chat/send')
  const client = typed.useClient()
  if (client.isError(error, 'too_fast')) holds<Same<typeof error.data, { waitMs: number }>>()

  const { room } = typed.useRoom('42')
  room?.on('messages', (message) => holds<Same<typeof message, Message>>())
  const { user } = typed.useConnection()
  holds<Same<NonNullable<typeof user>['role'], 'guest' | 'staff'>>()
  const untypedClient = createClient()
  // @ts-expect-error: a client without the contract
  typed.RookeryProvider({ client: untypedClient })
  // A client that validates gives what validation returns.
  const validated = createHooks<typeof contract, 'output'>()
  validated.RookeryProvider({ client: createClient({ contract }) })
  return typed.RookeryProvider({ client: createClient<typeof contract>() })
}
