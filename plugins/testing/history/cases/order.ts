import { expect } from 'vitest'
import type { HistoryCase } from '../history-case.ts'
import { message } from '../history-node.ts'

const NUMBERS = 'Messages MUST get the numbers 1, 2, 3 … without a hole'
const DELIVER = 'The store MUST deliver each message once, in the order of the numbers, without a hole'

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1)

export const order: readonly HistoryCase[] = [
  {
    name: 'messages get the numbers 1, 2, 3 …, also when many are appended at the same time',
    async run(context) {
      const node = await context.startNode()
      expect(await node.append(message('a'), message('b'), message('a')), NUMBERS).toEqual([1, 2, 3])
      const appended = upTo(200).map((n) => node.store.append(message(`t/${n % 7}`, n)))
      const seqs = await Promise.all(appended)
      expect(
        seqs.toSorted((one, other) => one - other),
        NUMBERS,
      ).toEqual(upTo(203).slice(3))
    },
  },
  {
    name: 'a node gets its own messages, each once and in order',
    async run(context) {
      const node = await context.startNode()
      const seqs = await Promise.all(upTo(300).map((n) => node.store.append(message('a', n))))
      await context.untilDelivered(node, 300)
      expect(node.seqs, DELIVER).toEqual(upTo(300))
      const payloads = seqs.map((seq) => node.delivered[seq - 1]?.payload)
      expect(payloads, 'append MUST resolve with the number of its message').toEqual(upTo(300).map(String))
    },
  },
  {
    name: 'every node gets the messages of all nodes, in one order',
    capability: 'nodes',
    async run(context) {
      const nodes = [await context.startNode(), await context.startNode(), await context.startNode()]
      await Promise.all(
        nodes.flatMap(({ store }, node) => upTo(100).map((n) => store.append(message(`n/${node}`, n)))),
      )
      for (const node of nodes) {
        await context.untilDelivered(node, 300)
        expect(node.seqs, DELIVER).toEqual(upTo(300))
        const own = node.delivered.map(({ topic, payload }) => [topic, payload])
        const first = nodes[0]?.delivered.map(({ topic, payload }) => [topic, payload])
        expect(own, 'The order MUST be the same at every node').toEqual(first)
      }
    },
  },
  {
    name: 'a node that starts later knows the number of the last message, and gets those after it',
    capability: 'nodes',
    async run(context) {
      const first = await context.startNode()
      await first.append(message('a', 1), message('a', 2), message('a', 3))
      const second = await context.startNode()
      expect(second.store.delivered, 'delivered MUST count the messages from before the start').toBe(3)
      await second.append(message('a', 4))
      await first.append(message('a', 5))
      await context.untilDelivered(second, 5)
      expect(second.seqs, DELIVER).toEqual([4, 5])
      expect((await second.read('a', 0, 5)).length, 'A later node MUST read the older messages').toBe(5)
    },
  },
  {
    name: 'deliver is not called inside append',
    async run(context) {
      const node = await context.startNode()
      let isInside = false
      const inside: number[] = []
      node.onDeliver = ({ seq }) => void (isInside && inside.push(seq))
      for (let n = 0; n < 20; n++) {
        isInside = true
        const appended = node.store.append(message('a', n))
        isInside = false
        await appended
      }
      await context.untilDelivered(node, 20)
      expect(inside, 'The store MUST NOT call deliver inside append').toEqual([])
    },
  },
  {
    name: 'delivered is the number of the message that is being delivered',
    async run(context) {
      const node = await context.startNode()
      expect(node.store.delivered, 'delivered MUST be 0 for an empty stream').toBe(0)
      const counts: number[] = []
      node.onDeliver = () => void counts.push(node.store.delivered)
      await node.append(message('a'), message('a'), message('a'))
      await context.untilDelivered(node, 3)
      expect(counts, 'delivered MUST be the number of the last message that the host has got').toEqual([
        1, 2, 3,
      ])
    },
  },
]
