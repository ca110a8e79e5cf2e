import { type App, RookeryError, segment } from 'rookery'
import type { Order, OrdersContract } from './contract.ts'
import { nextState } from './menu.ts'

/** Adds the handlers of the shop. Orders are in memory: a real application keeps them in a database. */
export const addOrders = (app: App<OrdersContract>): void => {
  const orders = new Map<string, Order>()
  let shop = { open: true }

  /** Stores an order, then tells the customer and the staff. Pages rely on this sequence: see `page/order-list.ts`. */
  const save = async (order: Order): Promise<void> => {
    orders.set(order.id, order)
    // With the same id, the history stores a message once.
    const id = `${order.id}-${order.version}`
    await app.publish(`orders/${segment(order.customer)}/changed`, order, { id })
  }

  app.handle('orders/list', ({ user }) =>
    [...orders.values()].filter(({ customer }) => user.role === 'staff' || customer === user.id),
  )

  app.handle('orders/place', async (ctx, { id, item }) => {
    const known = orders.get(id)
    if (known && known.customer !== ctx.user.id) throw new RookeryError('forbidden')
    // The page places the order again if the connection was lost before the reply.
    if (known) return await save(known)
    if (!shop.open) throw ctx.error('shop_closed', { item }, 'The shop is closed')
    const { id: customer, name: customerName } = ctx.user
    await save({ id, customer, customerName, item, state: 'placed', version: 1, at: Date.now() })
  })

  app.handle('orders/advance', async (ctx, { id, version }) => {
    const order = orders.get(id)
    if (!order) throw new RookeryError('not_found', 'There is no such order')
    const state = nextState(order.state)
    if (order.version !== version || !state) {
      throw ctx.error('order_changed', order, 'Somebody else has changed the order')
    }
    await save({ ...order, state, version: version + 1 })
  })

  app.handle('shop/get', () => shop)
  app.handle('shop/set', async (ctx, { open }) => {
    shop = { open }
    await ctx.publish('shop/state', shop)
  })
}
