import { type FormEvent, useState } from 'react'
import type { Order } from '../contract.ts'
import { ITEMS, STATES } from '../menu.ts'
import type { Person } from '../people.ts'
import { client, useCall } from './realtime.ts'
import { useOrders } from './use-orders.ts'
import { useShop } from './use-shop.ts'

/** `crypto.randomUUID` exists only on https and localhost, not on a phone in the same network. */
const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )

const OrderForm = () => {
  const isOpen = useShop()
  const [item, setItem] = useState<Order['item']>(ITEMS[0])
  const [id, setId] = useState(randomId)
  const { call, pending, error } = useCall('orders/place')

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    try {
      await call({ id, item })
      setId(randomId())
    } catch {
      // `error` has it. The next attempt has the same id, so the shop makes the order once.
    }
  }
  return (
    <form className="panel" onSubmit={submit}>
      <h2>New order</h2>
      <fieldset>
        <legend className="hidden">What would you like?</legend>
        {ITEMS.map((name) => (
          <label key={name} className="item">
            <input type="radio" name="item" checked={item === name} onChange={() => setItem(name)} />
            {name}
          </label>
        ))}
      </fieldset>
      <button type="submit" className="primary" disabled={pending || isOpen === false}>
        {pending ? 'Ordering…' : 'Order'}
      </button>
      <p className="hint" role="status">
        {isOpen === false && 'The shop is closed. You can order when it opens.'}
      </p>
      {error && (
        <p className="notice" role="alert">
          {client.isError(error, 'shop_closed')
            ? `The shop has closed. Nobody makes ${error.data.item} now.`
            : `That did not work: ${error.message}`}
        </p>
      )}
    </form>
  )
}

const Progress = ({ order }: { order: Order }) => {
  const reached = STATES.indexOf(order.state)
  return (
    <ol className="steps" aria-label={`Progress of ${order.item}`}>
      {STATES.map((state, index) => (
        <li key={state} data-done={index <= reached} aria-current={index === reached ? 'step' : undefined}>
          {state}
        </li>
      ))}
    </ol>
  )
}

/** The page of a customer. */
export const Customer = ({ person }: { person: Person }) => {
  const { orders, error } = useOrders(person)
  return (
    <main className="columns">
      <OrderForm />
      <section className="panel" aria-labelledby="own">
        <h2 id="own">Your orders</h2>
        {error && (
          <p className="notice" role="alert">
            {error.message}
          </p>
        )}
        {orders?.length === 0 && <p className="hint">You have not ordered yet.</p>}
        <ul className="orders">
          {orders?.map((order) => (
            <li key={order.id} className="order" data-state={order.state}>
              <h3>{order.item}</h3>
              <Progress order={order} />
            </li>
          ))}
        </ul>
      </section>
    </main>
  )
}
