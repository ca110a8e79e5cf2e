import { useState, useSyncExternalStore } from 'react'
import type { Person } from '../people.ts'
import { OrderList, type OrderSnapshot } from './order-list.ts'
import { client } from './realtime.ts'

/** The orders that a person may see, kept up to date. */
export const useOrders = (person: Person): OrderSnapshot => {
  const [list] = useState(() => new OrderList(client, person))
  return useSyncExternalStore(list.subscribe, list.get)
}
