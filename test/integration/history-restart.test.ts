import { expect, it } from 'vitest'
import { createMemoryStore, history } from '../../plugins/history/index.ts'
import { rejectionCode } from '../../plugins/testing/rejection-code.ts'
import { startApp } from '../support/app.ts'
import { connectBare } from '../support/bare-client.ts'

const start = (store: ReturnType<typeof createMemoryStore>, maxMessages = 100) =>
  startApp({ plugins: [history({ topics: ['kept/*'], maxMessages, store })] })

it('an app that is created again with the same store has the messages, and clients go on with their cursors', async () => {
  const store = createMemoryStore()
  const first = await start(store)
  const ada = await connectBare(first.url)
  const { payload } = await ada.ask({ type: 'subscribe', topics: ['kept/*'] })
  for (const number of [1, 2, 3]) await first.app.publish('kept/a', number, { id: `${number}` })
  await first.app.stop()
  expect(await rejectionCode(first.app.publish('kept/a', 'late'))).not.toBeUndefined()

  const second = await start(store, 3)
  await second.app.publish('kept/a', 3, { id: '3' })
  await second.app.publish('kept/a', 4)
  const again = await connectBare(second.url)
  await again.ask({ type: 'subscribe', topics: ['kept/*'], since: payload.cursor })
  const end = await again.until(({ type }) => type === 'replayed')
  // The new limit holds: the oldest of four messages has left.
  expect(end).toMatchObject({ recovered: false, reason: 'expired' })
  const pages = await second.app.history.read('kept/*', { last: 10 })
  expect(pages.map((message) => message.payload)).toEqual([2, 3, 4])
  const bob = await connectBare(second.url)
  await bob.ask({ type: 'subscribe', topics: ['kept/*'], since: pages[0]?.cursor })
  expect(await bob.until(({ type }) => type === 'replayed')).toMatchObject({ recovered: true })
  expect(bob.on('kept/a')).toEqual([3, 4])
})

it('a store in memory cannot be used by two apps at once', async () => {
  const store = createMemoryStore()
  const first = await start(store)
  expect(await rejectionCode(start(store))).toBe('invalid_option')
  await first.app.publish('kept/a', 1)
  expect(await first.app.history.read('kept/*', { last: 1 })).toMatchObject([{ payload: 1 }])
})
