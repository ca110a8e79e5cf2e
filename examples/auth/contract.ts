import { defineContract } from 'rookery/contract'
import { z } from 'zod'

const text = z.string().trim().min(1).max(200)

const Device = z.object({
  /** Id of the device's login. */
  login: z.string(),
  name: z.string(),
  /** Time of the login, in milliseconds since 1970. */
  since: z.number(),
  /** Number of connections: one for each tab. */
  tabs: z.number(),
})

/** A connected device of a user. */
export type Device = z.infer<typeof Device>

const Note = z.object({ from: z.string(), text })

/** A note to one user, or to the members of the room. */
export type Note = z.infer<typeof Note>

/** All that the server and the page say to each other over Rookery. The page uses only the types. */
export const contract = defineContract({
  topics: {
    'users/:id/devices': z.array(Device),
    'users/:id/inbox': Note,
    // `by` is the device on which the user chose `Log out everywhere`.
    'users/:id/logged-out': z.object({ by: z.string() }),
    'rooms/:room/notes': Note,
  },
  calls: {
    'devices/list': { description: 'Publishes the list of the devices of the user' },
    'inbox/send': {
      input: z.object({ to: z.string(), text }),
      errors: { unknown_user: z.object({ to: z.string() }) },
    },
    'room/write': { input: z.object({ text }) },
  },
})

/** The type of the contract. */
export type AuthContract = typeof contract
