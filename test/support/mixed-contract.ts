import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import { defineContract } from 'rookery/contract'
import * as v from 'valibot'
import { z } from 'zod'

const User = z
  .object({ id: z.string(), name: z.string().describe('Shown to others') })
  .meta({ id: 'User', title: 'A user' })

const Comment = z.object({
  text: z.string(),
  get replies() {
    return z.array(Comment)
  },
})

/** Mixes libraries of schemas. */
export const mixed = defineContract({
  user: z.object({ id: z.string(), name: z.string(), role: z.enum(['guest', 'staff']) }),
  topics: {
    'rooms/:room/messages': {
      schema: z.object({ from: User, to: User.optional(), text: z.string().max(500) }),
      description: 'A message that a member of the room has sent.',
    },
    'rooms/:room/comments': Comment,
    'devices/:id/state': type({ on: 'boolean', 'watts?': 'number >= 0', mode: "'eco'|'full'|null" }),
    'prices/:symbol': toStandardJsonSchema(v.object({ bid: v.number(), ask: v.number() })),
    'stock/:id': {
      schema: v.object({ left: v.number() }),
      jsonSchema: { type: 'object', properties: { left: { type: 'number' } }, required: ['left'] },
    },
    'logs/*': z.string().optional(),
    'users/*/inbox': z.array(z.tuple([z.string(), z.number()])),
    news: type({ title: 'string' }),
  },
  calls: {
    'chat/send': {
      description: 'Sends a message to a room.',
      input: z.object({ room: z.string(), text: z.string().max(500), at: z.iso.datetime().optional() }),
      output: z.object({ id: z.uuid() }),
      errors: { too_fast: z.object({ waitMs: z.number() }), muted: type({ until: 'string' }) },
    },
    'orders/:id/cancel': {
      input: v.object({ reason: v.string() }),
      output: v.object({ cancelled: v.boolean() }),
      jsonSchema: {
        input: { type: 'object', properties: { reason: { type: 'string' } }, required: ['reason'] },
        output: { type: 'object', properties: { cancelled: { type: 'boolean' } } },
      },
    },
    'session/ping': {},
  },
})
