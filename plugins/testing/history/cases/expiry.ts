import { expect } from 'vitest'
import type { HistoryCase, HistoryCaseContext } from '../history-case.ts'
import { type HistoryNode, message } from '../history-node.ts'

const FIRST = 'first MUST return the number of the oldest message that is kept'
const GONE =
  'read MUST return undefined if messages of the range are no longer kept, whether they match or not'

const append = (node: HistoryNode, count: number, payload?: unknown) =>
  node.append(...Array.from({ length: count }, () => message('a', payload)))

/** The oldest messages have left: everything that follows from it. */
const expectOldestGone = async (
  context: HistoryCaseContext,
  node: HistoryNode,
  last: number,
): Promise<void> => {
  const { store } = node
  await context.untilDelivered(node, last)
  const first = await store.first()
  const read = (after: number, pattern = 'a') => store.read([pattern], { after, upTo: last, limit: 10_000 })
  expect(await read(0), GONE).toBeUndefined()
  expect(await read(0, 'other'), GONE).toBeUndefined()
  expect(await read(first - 2), GONE).toBeUndefined()
  const kept = await read(first - 1)
  expect(
    kept?.map(({ seq }) => seq),
    'read MUST return what is kept',
  ).toEqual(Array.from({ length: last - first + 1 }, (_, index) => first + index))
  const newest = await store.readLast(['a'], 10_000, last)
  expect(
    newest.map(({ seq }) => seq),
    'readLast MUST return what is kept',
  ).toEqual(kept?.map(({ seq }) => seq))
}

export const expiry: readonly HistoryCase[] = [
  {
    name: 'first is the number of the oldest message, and one more than the newest if none is kept',
    async run(context) {
      const node = await context.startNode()
      expect(await node.store.first(), FIRST).toBe(1)
      await append(node, 3)
      expect(await node.store.first(), FIRST).toBe(1)
    },
  },
  {
    name: 'the oldest messages leave when there are more than maxMessages',
    async run(context) {
      const node = await context.startNode({ maxMessages: 10 })
      await append(node, 10)
      expect(await node.store.first(), FIRST).toBe(1)
      await append(node, 15)
      await context.until(async () => expect(await node.store.first(), FIRST).toBe(16))
      await expectOldestGone(context, node, 25)
    },
  },
  {
    name: 'the oldest messages leave when they take more than maxBytes',
    async run(context) {
      const node = await context.startNode({ maxBytes: 20_000 })
      await append(node, 40, 'x'.repeat(1_000))
      await context.until(async () => {
        const first = await node.store.first()
        // Stores count different overheads, and each message has at least its payload.
        expect(first, 'Messages MUST NOT take more than maxBytes').toBeGreaterThan(20)
        expect(first, 'Messages MUST NOT leave before maxBytes is reached').toBeLessThan(30)
      })
      await expectOldestGone(context, node, 40)
    },
  },
  {
    name: 'messages leave when they are older than maxAge, and the numbers go on',
    async run(context) {
      const node = await context.startNode({ maxAge: 1000 })
      await append(node, 3)
      await context.untilDelivered(node, 3)
      expect((await node.read('a', 0, 3)).length).toBe(3)
      const requirement = 'Messages MUST leave when they are older than maxAge'
      await context.until(async () => expect(await node.store.first(), requirement).toBe(4))
      expect(await node.store.read(['a'], { after: 0, upTo: 3, limit: 10 }), GONE).toBeUndefined()
      expect(await node.store.read(['a'], { after: 3, upTo: 3, limit: 10 })).toEqual([])
      expect(await node.store.readLast(['a'], 10, 3)).toEqual([])
      expect(await node.append(message('a')), 'The numbers MUST go on').toEqual([4])
    },
  },
]
