import { defineContract } from 'rookery/contract'
import { z } from 'zod'

const Notification = z.object({
  /** Id of the order. */
  order: z.string(),
  text: z.string(),
  /** Milliseconds since 1970. */
  at: z.number(),
})

export type Notification = z.infer<typeof Notification>

/** What the backend sends to the inbox of a user. There are no calls: clients use the HTTP routes. */
export const contract = defineContract({
  topics: { 'inbox/new': Notification },
  calls: {},
})

/** The type of the contract. */
export type InboxContract = typeof contract
