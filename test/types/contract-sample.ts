// The contract of the tests beside this file, with two libraries of schemas.
import { defineContract } from 'rookery/contract'
import * as v from 'valibot'
import { z } from 'zod'

export const contract = defineContract({
  user: z.object({ id: z.string(), name: z.string(), role: z.enum(['guest', 'staff']) }),
  topics: {
    'rooms/:room/messages': z.object({ id: z.string(), text: z.string() }),
    'rooms/:room/typing': v.object({ user: v.string() }),
    'rooms/:room/closed': z.undefined(),
    'devices/*': v.object({ on: v.boolean() }),
    // On the wire a text, in the code a date.
    clock: z.codec(z.iso.datetime(), z.date(), {
      decode: (text) => new Date(text),
      encode: (date) => date.toISOString(),
    }),
    holidays: {
      schema: v.pipe(
        v.string(),
        v.transform((text) => new Date(text)),
      ),
      description: 'The next holiday',
      jsonSchema: { type: 'string', format: 'date' },
    },
  },
  calls: {
    'chat/send': {
      input: z.object({ room: z.string(), text: z.string().default('hello') }),
      output: z.object({ id: z.string(), at: z.string().transform((text) => new Date(text)) }),
      errors: { too_fast: z.object({ waitMs: z.number() }), closed: z.undefined() },
    },
    'chat/count': { output: v.number() },
    'chat/clear': { description: 'Removes all messages' },
    'chat/search': { input: z.object({ text: z.string() }).optional(), output: z.array(z.string()) },
    'orders/:id/cancel': {
      input: v.object({ reason: v.string() }),
      output: z.boolean(),
      errors: { too_late: z.object({ since: z.string() }) },
    },
    'rooms/:room/say': { input: z.object({ text: z.string() }), output: z.object({ id: z.string() }) },
  },
})

export type Contract = typeof contract
