import { defineContract } from 'rookery/contract'
import { z } from 'zod'
import { ITEMS, STATES } from './menu.ts'

const Order = z.object({
  /** Chosen by the page. An order that is placed again after a lost connection has the same id. */
  id: z.string().regex(/^[\w-]{16,64}$/),
  /** Id of the customer. */
  customer: z.string(),
  customerName: z.string(),
  item: z.enum(ITEMS),
  state: z.enum(STATES),
  /** Increases by 1 with each change. A page ignores a version that it has already. */
  version: z.number(),
  /** When the order was placed, in milliseconds since 1970. */
  at: z.number(),
})

export type Order = z.infer<typeof Order>

const Shop = z.object({ open: z.boolean() })

/** All that the server and the page say to each other. The page uses only the types. */
export const contract = defineContract({
  user: z.object({ id: z.string(), name: z.string(), role: z.enum(['staff', 'customer']) }),
  topics: {
    'orders/:customer/changed': Order,
    'shop/state': Shop,
  },
  calls: {
    'orders/list': { description: 'All orders for staff, own orders for a customer', output: z.array(Order) },
    'orders/place': {
      input: Order.pick({ id: true, item: true }),
      errors: { shop_closed: z.object({ item: z.string() }) },
    },
    'orders/advance': {
      description: 'Moves an order to its next state. For staff',
      // The state that the page shows. If two people press the button, the order moves once.
      input: Order.pick({ id: true, version: true }),
      errors: { order_changed: Order },
    },
    'shop/get': { output: Shop },
    'shop/set': { description: 'Opens or closes the shop. For staff', input: Shop },
  },
})

/** The type of the contract. */
export type OrdersContract = typeof contract
