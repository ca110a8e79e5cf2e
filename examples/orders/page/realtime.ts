import { createClient } from 'rookery/client'
import { createHooks } from 'rookery/react'
import type { OrdersContract } from '../contract.ts'
import { savedPerson } from './person.ts'

/** The client of the page. It connects when a person has been chosen. */
export const client = createClient<OrdersContract>({
  autoConnect: false,
  // The client calls this before each connection, and again before the token expires.
  token: async () => {
    const response = await fetch(`/token?user=${savedPerson()?.id}`, { method: 'POST' })
    if (!response.ok) throw new Error(`No token: ${response.status}`)
    return await response.text()
  },
})

if (savedPerson()) client.connect()

export const { RookeryProvider, useCall, useConnection, useTopic } = createHooks<OrdersContract>()
