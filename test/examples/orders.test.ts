import { createClient } from 'rookery/client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { OrdersContract } from '../../examples/orders/contract.ts'
import { OrderList } from '../../examples/orders/page/order-list.ts'
import { people } from '../../examples/orders/people.ts'
import { eventually, intercept } from '../browser/support.ts'
import { useChromium } from '../support/chromium.ts'
import { enterAs, order, place, startShop, untilLive } from './orders-support.ts'

const chromium = useChromium()

const connect = (url: string, user: string) => {
  const token = async () => await (await fetch(`${url}/token?user=${user}`, { method: 'POST' })).text()
  const client = createClient<OrdersContract>({ url, token, WebSocket })
  onTestFinished(() => client.close())
  return client
}

const idOf = (number: number): string => `order-${number}`.padEnd(16, '-')

describe('the pages of the orders example', () => {
  it('show all orders to the staff, and to a customer only their own', async () => {
    const url = await startShop()
    const ada = await enterAs(chromium, url, 'Ada')
    const alan = await enterAs(chromium, url, 'Alan')
    const grace = await enterAs(chromium, url, 'Grace')
    await place(ada, 'Espresso')
    await place(alan, 'Green tea')
    await order(grace, 'Espresso').getByText('Ada Lovelace').waitFor()
    await order(grace, 'Green tea').getByText('Alan Turing').waitFor()
    for (const action of ['Start', 'Ready'])
      await grace.getByRole('button', { name: `${action}: Espresso` }).click()
    await ada.locator('[aria-current=step]').getByText('ready').waitFor()
    expect(await ada.locator('.order h3').allTextContents()).toEqual(['Espresso'])
    expect(await alan.locator('.order h3').allTextContents()).toEqual(['Green tea'])
    expect(await alan.locator('[aria-current=step]').textContent()).toBe('placed')
  })

  it('can be used with the keyboard alone, and the focus follows an order to its next state', async () => {
    const url = await startShop()
    const ada = await enterAs(chromium, url, 'Ada')
    const grace = await enterAs(chromium, url, 'Grace')
    await ada.getByLabel('Espresso').focus()
    await ada.keyboard.press('ArrowDown')
    await ada.keyboard.press('Enter')
    await order(ada, 'Flat white').waitFor()
    await grace.getByRole('button', { name: 'Start: Flat white' }).focus()
    await grace.keyboard.press('Enter')
    await grace.getByRole('button', { name: 'Ready: Flat white' }).and(grace.locator(':focus')).waitFor()
    await grace.keyboard.press('Enter')
    await grace.getByRole('button', { name: 'Hand over: Flat white' }).and(grace.locator(':focus')).waitFor()
    await grace.keyboard.press('Enter')
    await grace.getByText('1 collected').waitFor()
  })

  it('tell a customer that the shop is closed', async () => {
    const url = await startShop()
    const ada = await enterAs(chromium, url, 'Ada')
    const grace = await enterAs(chromium, url, 'Grace')
    await grace.getByRole('switch', { name: 'Open for orders', checked: true }).click()
    await ada.getByText('The shop is closed.').waitFor()
    expect(await ada.getByRole('button', { name: 'Order', exact: true }).isDisabled()).toBe(true)
    await grace.getByRole('switch', { name: 'Open for orders', checked: false }).click()
    await place(ada, 'Walnut cake')
  })

  it('get what they missed while they were offline, without loading the list again', async () => {
    const url = await startShop()
    const grace = await enterAs(chromium, url, 'Grace')
    const ada = await chromium.open()
    let isOffline = false
    let loads = 0
    let cut = async () => {}
    await ada.route(/\/api\/v1\//, (route) =>
      isOffline ? route.abort('connectionrefused') : route.continue(),
    )
    await intercept(ada, {
      onPage: ({ topic }, socket) => {
        if (topic === 'orders/list') loads += 1
        cut = () => socket.close()
        return isOffline
      },
      onServer: () => isOffline,
    })
    await ada.goto(url)
    await ada.getByRole('button', { name: 'Ada' }).click()
    await untilLive(ada)
    await place(ada, 'Espresso')
    isOffline = true
    await cut()
    await ada.getByText('The page may be out of date').waitFor()
    await grace.getByRole('button', { name: 'Start: Espresso' }).click()
    await grace.getByRole('button', { name: 'Ready: Espresso' }).click()
    await grace.getByRole('button', { name: 'Hand over: Espresso' }).waitFor()
    expect(await ada.locator('[aria-current=step]').textContent()).toBe('placed')
    isOffline = false
    await eventually(() => ada.locator('[aria-current=step]').textContent()).toBe('ready')
    expect(loads).toBe(1)
  })

  it('load in development, by Vite in the process of the server', async () => {
    const url = await startShop('development')
    const ada = await enterAs(chromium, url, 'Ada')
    await place(ada, 'Espresso')
    expect(await ada.locator('script[src*="@vite/client"]').count()).toBe(1)
  })
})

describe('the server of the orders example', () => {
  it('refuses a customer the orders of others and the calls of the staff, and staff the calls of customers', async () => {
    const url = await startShop()
    const [ada, grace] = [connect(url, 'ada'), connect(url, 'grace')]
    for (const pattern of ['orders/:customer/changed', 'orders/alan/changed', 'orders/*'] as const) {
      await expect(ada.subscribe(pattern, () => {}).ready, pattern).rejects.toMatchObject({
        code: 'forbidden',
      })
    }
    await ada.subscribe('orders/ada/changed', () => {}).ready
    await grace.subscribe('orders/:customer/changed', () => {}).ready
    await ada.call('orders/place', { id: idOf(1), item: 'Espresso' })
    const forbidden = { code: 'forbidden' }
    await expect(ada.call('orders/advance', { id: idOf(1), version: 1 })).rejects.toMatchObject(forbidden)
    await expect(ada.call('shop/set', { open: false })).rejects.toMatchObject(forbidden)
    await expect(grace.call('orders/place', { id: idOf(2), item: 'Espresso' })).rejects.toMatchObject(
      forbidden,
    )
    await expect(connect(url, 'alan').call('orders/list')).resolves.toEqual([])
    const stranger = connect(url, 'nobody')
    await expect(stranger.call('orders/list')).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  it('makes an order once that is placed twice, and moves it once for two people', async () => {
    const url = await startShop()
    const [ada, grace] = [connect(url, 'ada'), connect(url, 'grace')]
    const placed = { id: idOf(1), item: 'Espresso' } as const
    await Promise.all([ada.call('orders/place', placed), ada.call('orders/place', placed)])
    const moves = [1, 2].map(() => grace.call('orders/advance', { id: placed.id, version: 1 }))
    const results = await Promise.allSettled(moves)
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const refused = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult
    expect(grace.isError(refused.reason, 'order_changed') && refused.reason.data.version).toBe(2)
    const stored = await ada.call('orders/list')
    expect(stored.map(({ id, state }) => [id, state])).toEqual([[placed.id, 'preparing']])
  })

  it('gives a list that is loaded while orders come in each of them once, in its last state', async () => {
    const url = await startShop()
    const [ada, grace] = [connect(url, 'ada'), connect(url, 'grace')]
    const staff = people.find(({ id }) => id === 'grace')!
    let placed = 0
    const placeMany = async (count: number) => {
      for (let i = 0; i < count; i += 1) {
        placed += 1
        await ada.call('orders/place', { id: idOf(placed), item: 'Green tea' })
      }
    }
    await placeMany(20)
    const under = placeMany(60)
    const lists = Array.from({ length: 8 }, () => new OrderList(grace, staff))
    for (const list of lists) {
      const expected = placed
      onTestFinished(list.subscribe(() => {}))
      await vi.waitFor(() => expect(list.get().orders?.length).toBeGreaterThanOrEqual(expected))
    }
    await under
    const stored = await grace.call('orders/list')
    expect(stored).toHaveLength(80)
    const sorted = (orders: readonly { id: string }[] = []) =>
      orders.toSorted((a, b) => a.id.localeCompare(b.id))
    for (const list of lists)
      await vi.waitFor(() => expect(sorted(list.get().orders)).toEqual(sorted(stored)))
  })
})
