import { defineContract } from 'rookery/contract'
import { z } from 'zod'

/** What a client sends. The server refuses anything else with `invalid_payload`. */
const Draft = z.object({
  from: z.string().trim().min(1).max(32),
  text: z.string().trim().min(1).max(500),
})

/**
 * The messages between the server and its clients. Both sides take their types from here: a typo in a topic, a call or a
 * field does not compile.
 */
export const contract = defineContract({
  // The server publishes to topics, and clients subscribe to them. `at` is in milliseconds since 1970.
  topics: { 'chat/messages': Draft.extend({ at: z.number() }) },
  // Clients make calls, and the server has a handler for each, in chat.ts.
  calls: { 'chat/send': { input: Draft } },
})
