import { deepStrictEqual } from 'node:assert'
import type { Notification } from './contract.ts'
import { Inbox } from './inbox.ts'
import { startServer } from './server.ts'

/** How long all notifications may take, in milliseconds. */
const DEMO_TIMEOUT_MS = 30_000

const server = await startServer(0)
console.log(`The backend runs at ${server.url}`)

const post = async (path: string, { token = '', body = {} } = {}): Promise<Response> => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const response = await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response
}

/** A device that counts what it shows. `until` resolves when it has shown so many notifications. */
const openDevice = async (name: string, storage = new Map<string, string>()) => {
  let changed = () => {}
  const inbox = new Inbox(server.url, 'ada', storage, ({ text }: Notification, missed) => {
    console.log(`${name} shows${missed ? ', as it was offline' : ''}: ${text}`)
    changed()
  })
  await inbox.connected()
  const until = async (count: number) => {
    while (inbox.notifications.length < count) {
      await new Promise<void>((resolve) => {
        changed = resolve
      })
    }
  }
  return { inbox, storage, until }
}

setTimeout(() => {
  console.error('A device waits for a notification that does not come')
  process.exit(1)
}, DEMO_TIMEOUT_MS).unref()

const phone = await openDevice('phone')
const laptop = await openDevice('laptop')

// An ordinary HTTP request of the user.
const token = await (await post('/login/ada')).text()
const order = (await (await post('/orders', { token, body: { item: 'Walnuts' } })).json()) as { id: string }
await Promise.all([phone.until(1), laptop.until(1)])

laptop.inbox.close()
console.log('The laptop is closed')
await post(`/orders/${order.id}/shipped`)
await phone.until(2)

phone.inbox.close()
console.log('The phone is closed, too')
const second = (await (await post('/orders', { token, body: { item: 'Barley' } })).json()) as { id: string }
await post(`/orders/${second.id}/shipped`)

// The devices come back, each from its own position.
const laptopAgain = await openDevice('laptop', laptop.storage)
const phoneAgain = await openDevice('phone', phone.storage)
await Promise.all([laptopAgain.until(3), phoneAgain.until(2)])

const textsOf = ({ inbox }: typeof phone) => inbox.notifications.map(({ text }) => text)
const latest = ['We have your order: Barley', 'Barley is on its way']
deepStrictEqual(textsOf(laptopAgain), ['Walnuts is on its way', ...latest])
deepStrictEqual(textsOf(phoneAgain), latest)
console.log('Each device has each notification once')

laptopAgain.inbox.close()
phoneAgain.inbox.close()
await server.stop()
