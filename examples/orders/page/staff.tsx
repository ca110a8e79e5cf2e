import { type RefObject, useRef } from 'react'
import type { Order } from '../contract.ts'
import type { State } from '../menu.ts'
import type { Person } from '../people.ts'
import { useCall } from './realtime.ts'
import { useOrders } from './use-orders.ts'
import { useShop } from './use-shop.ts'

const COLUMNS: readonly { readonly state: State; readonly title: string; readonly action: string }[] = [
  { state: 'placed', title: 'Placed', action: 'Start' },
  { state: 'preparing', title: 'Preparing', action: 'Ready' },
  { state: 'ready', title: 'Ready', action: 'Hand over' },
]

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

interface CardProps {
  readonly order: Order
  readonly action: string
  /** Id of the order that the user has moved last. */
  readonly moved: RefObject<string | undefined>
}

const Card = ({ order, action, moved }: CardProps) => {
  const { call, pending, error } = useCall('orders/advance')
  return (
    <li className="order" data-state={order.state}>
      <div>
        <h3>{order.item}</h3>
        <p className="hint">
          {order.customerName} · <time>{time.format(order.at)}</time>
        </p>
      </div>
      <button
        type="button"
        className="quiet"
        aria-label={`${action}: ${order.item} for ${order.customerName}`}
        disabled={pending}
        // The card is in another column after the call. The focus of the keyboard follows it.
        ref={(button) => {
          if (moved.current === order.id) button?.focus()
        }}
        onClick={() => {
          moved.current = order.id
          // `error` has what fails.
          void call({ id: order.id, version: order.version }).catch(() => {})
        }}
      >
        {action}
      </button>
      {error && (
        <p className="notice" role="alert">
          {error.message}
        </p>
      )}
    </li>
  )
}

const Shop = () => {
  const isOpen = useShop()
  const { call, pending } = useCall('shop/set')
  return (
    <button
      type="button"
      className="quiet"
      role="switch"
      aria-checked={isOpen ?? false}
      disabled={pending || isOpen === undefined}
      onClick={() => void call({ open: !isOpen }).catch(() => {})}
    >
      Open for orders
    </button>
  )
}

/** The page of the staff: the orders of all customers, by state. */
export const Staff = ({ person }: { person: Person }) => {
  const { orders, error } = useOrders(person)
  const moved = useRef<string>(undefined)
  const of = (state: State) => orders?.filter((order) => order.state === state) ?? []
  return (
    <main>
      <div className="bar">
        <Shop />
        <p className="hint">
          {of('collected').length} collected{error && ` · ${error.message}`}
        </p>
      </div>
      <div className="columns">
        {COLUMNS.map(({ state, title, action }) => (
          <section key={state} className="panel" aria-labelledby={state}>
            <h2 id={state}>
              {title} <span className="count">{of(state).length}</span>
            </h2>
            <ul className="orders">
              {of(state).map((order) => (
                <Card key={order.id} order={order} action={action} moved={moved} />
              ))}
            </ul>
          </section>
        ))}
      </div>
    </main>
  )
}
