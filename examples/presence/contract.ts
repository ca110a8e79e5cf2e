import { defineContract } from 'rookery/contract'
import { z } from 'zod'
import { ROOMS } from './rooms.ts'

const Person = z.object({ id: z.string(), name: z.string() })

/** Who is in a room. A person with several tabs is in it once. */
const Presence = z.object({ room: z.enum(ROOMS), people: z.array(Person).readonly() })

export type Presence = z.infer<typeof Presence>

export const contract = defineContract({
  topics: { 'presence/:room': Presence },
  calls: { 'presence/list': { output: z.array(Presence) } },
})

/** The type of the contract. */
export type PresenceContract = typeof contract
