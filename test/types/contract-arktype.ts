import { type } from 'arktype'
import { createApp } from 'rookery'
import { createClient } from 'rookery/client'
import { defineContract } from 'rookery/contract'
import { z } from 'zod'
import { holds, type Same } from './support.ts'

// Schemas of arktype are functions.
const contract = defineContract({
  topics: { 'devices/:id': type({ on: 'boolean' }), clock: z.string() },
  calls: { add: { input: type({ n: 'string.numeric.parse' }), output: z.number() } },
})
createApp({ contract }).handle('add', (_ctx, payload) => {
  holds<Same<typeof payload, { n: number }>>()
  return payload.n
})
const client = createClient<typeof contract>()
client.subscribe('devices/7', (device) => holds<Same<typeof device, { on: boolean }>>())
export const sum: Promise<number> = client.call('add', { n: '5' })
// @ts-expect-error: the wire carries the schema's input
void client.call('add', { n: 5 })
