import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { topicMatches } from '../../../core/topics/topic.ts'
import { ListenerIndex } from '../../../plugins/nats/listener-index.ts'

const seed = Date.now() % 2 ** 31
console.log(`listener index: seed ${seed}`)

const path = (...segments: readonly string[]) =>
  fc.array(fc.constantFrom(...segments), { minLength: 1, maxLength: 3 }).map((all) => all.join('/'))
const aTopic = path('a', 'b')
const aPattern = path('a', 'b', '*')

describe('the listener index', () => {
  it('finds the nodes and groups whose patterns match a topic, as topicMatches does', () => {
    const listeners = fc.array(
      fc.record({
        group: fc.constantFrom(null, 'g', 'h'),
        patterns: fc.uniqueArray(aPattern, { maxLength: 3 }),
      }),
      { maxLength: 3 },
    )
    const what = fc.constantFrom('add' as const, 'remove' as const, 'removeNode' as const)
    const step = fc.record({ node: fc.constantFrom('self', 'b', 'c'), what, listeners })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), aTopic, (steps, topic) => {
        const index = new ListenerIndex('self')
        const model = new Set<string>()
        for (const { node, what, listeners } of steps) {
          if (what === 'removeNode') index.removeNode(node)
          else index[what](node, listeners)
          const keys = listeners.flatMap(({ group, patterns }) =>
            patterns.map((pattern) => JSON.stringify([node, group, pattern])),
          )
          if (what === 'add') for (const key of keys) model.add(key)
          if (what === 'remove') for (const key of keys) model.delete(key)
          if (what === 'removeNode') {
            for (const key of [...model]) if (JSON.parse(key)[0] === node) model.delete(key)
          }
        }
        const found = [...model]
          .map((key) => JSON.parse(key) as [string, string | null, string])
          .filter(([, , pattern]) => topicMatches(pattern, topic))
        const groups = new Map<string, boolean>()
        for (const [node, group] of found) {
          if (group !== null) groups.set(group, groups.get(group) || node !== 'self')
        }
        const others = found.some(([node, group]) => group === null && node !== 'self')
        expect(index.targets(topic)).toEqual({ others, groups })
        for (const node of ['self', 'b', 'c']) index.removeNode(node)
        expect(index.empty).toBe(true)
      }),
      { seed, numRuns: 1000 },
    )
  })
})
