import { defineContract } from 'rookery/contract'
import { z } from 'zod'
import { MAX_TEXT } from './limits.ts'

const Message = z.object({
  /** Chosen by the sender, so that a message that is sent again after a lost connection is not stored twice. */
  id: z.string().regex(/^[\w-]{16,64}$/),
  from: z.string(),
  text: z.string().trim().min(1).max(MAX_TEXT),
  /** When the server accepted the message, in milliseconds since 1970. */
  at: z.number(),
})

/** A message, as all members of its room get it. */
export type ChatMessage = z.infer<typeof Message>

/** What `rooms()` tells the members of a room. */
const Change = z.object({ member: z.object({ id: z.string(), name: z.string() }) })

/** All that the server and the page say to each other. The page uses only the types. */
export const contract = defineContract({
  topics: {
    'rooms/:room/messages': Message,
    'rooms/:room/typing': z.object({ from: z.string() }),
    'rooms/:room/joined': Change,
    'rooms/:room/left': Change,
    // For the slow reader of the tour.
    'tour/flood': z.object({ n: z.number(), padding: z.string() }),
  },
  calls: {
    'chat/send': { input: Message.pick({ id: true, text: true }) },
    'chat/typing': {},
    // For the panel that shows what happens.
    'tour/ping': {},
    'tour/away': {},
  },
})

/** The type of the contract. */
export type ChatContract = typeof contract
