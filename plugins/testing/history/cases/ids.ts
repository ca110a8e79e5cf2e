import { expect } from 'vitest'
import type { HistoryCase } from '../history-case.ts'
import { message } from '../history-node.ts'

const ONCE =
  'A message with the id of an earlier one MUST NOT be stored, and append resolves with the earlier number'

export const ids: readonly HistoryCase[] = [
  {
    name: 'a second message with the same id is not stored, and gets the number of the first',
    async run(context) {
      const node = await context.startNode()
      const append = (id: string, payload: number) => node.store.append(message('a', payload), id)
      expect([await append('one', 1), await append('two', 2), await append('one', 3)], ONCE).toEqual([
        1, 2, 1,
      ])
      expect(await Promise.all([append('three', 4), append('three', 5)]), ONCE).toEqual([3, 3])
      await node.append(message('end'))
      await context.untilDelivered(node, 4)
      expect(
        node.delivered.map(({ topic }) => topic),
        ONCE,
      ).toEqual(['a', 'a', 'a', 'end'])
    },
  },
  {
    name: 'ids may have any characters and any length, and similar ids differ',
    async run(context) {
      const node = await context.startNode()
      const all = ['', ' ', 'a', 'a ', 'A', 'a\r\nb', '🌍', 'x'.repeat(10_000), `${'x'.repeat(9_999)}y`]
      const expected = all.map((_, index) => index + 1)
      for (let round = 0; round < 2; round++) {
        const seqs: number[] = []
        for (const id of all) seqs.push(await node.store.append(message('a'), id))
        expect(seqs, ONCE).toEqual(expected)
      }
    },
  },
  {
    name: 'an id counts at every node',
    capability: 'nodes',
    async run(context) {
      const [one, other] = [await context.startNode(), await context.startNode()]
      await one.append(message('a'))
      expect(await one.store.append(message('a', 1), 'id'), ONCE).toBe(2)
      expect(await other.store.append(message('a', 2), 'id'), ONCE).toBe(2)
    },
  },
]
