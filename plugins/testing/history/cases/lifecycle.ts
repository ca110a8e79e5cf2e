import { expect } from 'vitest'
import type { HistoryStore } from '../../../../core/history/store.ts'
import { rejectionCode } from '../../rejection-code.ts'
import { activeResources, untilReleased } from '../../resources.ts'
import type { HistoryCase } from '../history-case.ts'
import { message } from '../history-node.ts'

const SAME = 'epoch and key MUST be the same at every node'

const identityOf = ({ epoch, key }: HistoryStore) => ({ epoch, key: key.toString('hex') })

export const lifecycle: readonly HistoryCase[] = [
  {
    name: 'a store that is available has an epoch and a key of 16 bytes, and keeps them',
    async run(context) {
      const node = await context.startNode()
      const { store } = node
      const before = identityOf(store)
      expect(before.epoch, 'epoch MUST NOT be empty once the store is available').not.toBe('')
      expect(store.key.length, 'key MUST have 16 bytes').toBe(16)
      await node.append(message('a'))
      expect(identityOf(store), 'epoch and key MUST NOT change while the stream is the same').toEqual(before)
    },
  },
  {
    name: 'epoch and key are the same at every node, also at nodes that start at the same time',
    capability: 'nodes',
    async run(context) {
      const nodes = await Promise.all([context.startNode(), context.startNode(), context.startNode()])
      const [first, ...others] = nodes.map(({ store }) => identityOf(store))
      for (const other of others) expect(other, SAME).toEqual(first)
      const later = await context.startNode()
      expect(identityOf(later.store), SAME).toEqual(first)
    },
  },
  {
    name: 'a stream that is created anew has another epoch at every node, and its messages are delivered',
    capability: 'recreate',
    async run(context) {
      const nodes = [await context.startNode(), await context.startNode()] as const
      const [one, other] = nodes
      await one.append(message('old'), message('old'), message('old'))
      await context.untilDelivered(other, 3)
      const { epoch } = one.store
      await context.recreate()
      await context.until(async () =>
        expect(await rejectionCode(one.store.append(message('new'))), 'append MUST work again').toEqual({
          resolved: 1,
        }),
      )
      for (const { store, delivered, losses } of nodes) {
        const requirement = 'epoch MUST change when the stream is created anew'
        await context.until(() => expect(store.epoch, requirement).not.toBe(epoch))
        await context.until(() => expect(losses, 'lost MUST be called for a new stream').toEqual(['epoch']))
        const arrives = 'Messages of the new stream MUST be delivered'
        await context.until(() => expect(delivered.at(-1), arrives).toMatchObject({ seq: 1, topic: 'new' }))
      }
      expect(identityOf(other.store), SAME).toEqual(identityOf(one.store))
    },
  },
  {
    name: 'stop is idempotent, and append and the reads reject with history_unavailable from then on',
    async run(context) {
      const node = await context.startNode()
      const { store } = node
      await node.append(message('a'))
      await store.stop()
      await store.stop()
      const calls = {
        append: () => store.append(message('a')),
        first: () => store.first(),
        before: () => store.before(0),
        read: () => store.read(['a'], { after: 0, upTo: 1, limit: 1 }),
        readLast: () => store.readLast(['a'], 1, 1),
      }
      for (const [name, call] of Object.entries(calls)) {
        const code = await rejectionCode(call())
        expect(code, `${name} MUST reject after stop`).toBe('history_unavailable')
      }
    },
  },
  {
    name: 'a store can be stopped before it is started',
    async run(context) {
      const { store } = await context.createNode()
      await store.stop()
      const code = await rejectionCode(store.append(message('a')))
      expect(code, 'append MUST reject').toBe('history_unavailable')
    },
  },
  {
    name: 'a stopped store delivers nothing more, and leaves no timer',
    async run(context) {
      const node = await context.createNode()
      const resources = activeResources()
      await node.start({ maxMessages: 1000, maxBytes: 1_000_000, maxAge: 60_000 })
      await context.until(() => expect(node.availability.at(-1)).toBe(true))
      await node.append(message('a'))
      await context.untilDelivered(node, 1)
      await node.store.stop()
      await untilReleased(context, resources, 'stop MUST NOT leave a timer')
      expect(node.seqs, 'A stopped store MUST NOT deliver').toEqual([1])
    },
  },
]
